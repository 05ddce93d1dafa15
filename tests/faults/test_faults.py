"""The list of planted faults fits the code of today; `python -m tests.faults` plants them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults import planting
from tests.faults.joints import FAULTS
from tests.faults.planting import PROJECT, Fault, copy, plant


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_its_file_and_names_tests_that_are_there(fault: Fault) -> None:
    assert fault.times() == 1
    assert fault.old != fault.new
    assert [name for name in fault.tests if not (PROJECT / name.partition("::")[0]).exists()] == []


def test_no_fault_is_listed_twice() -> None:
    assert [
        pair for pair, times in Counter((fault.path, fault.old, fault.new) for fault in FAULTS).items() if times > 1
    ] == []
    assert len(FAULTS) >= 60


@pytest.mark.slow
def test_a_planted_fault_turns_its_test_red_and_is_taken_out_again(tmp_path: Path) -> None:
    copy(tmp_path)
    fault = Fault(
        "ingestion/core/shapes.py",
        "bool: 4, dict",
        "bool: 2, dict",
        ("tests/ingestion/drift/test_shapes.py",),
    )

    outcome = plant(fault, tmp_path, "sqlite")

    assert outcome.caught, outcome.said
    assert (tmp_path / fault.path).read_text() == (PROJECT / fault.path).read_text()


@pytest.mark.slow
def test_a_fault_that_no_test_notices_survives(tmp_path: Path) -> None:
    copy(tmp_path)
    harmless = Fault(
        "ingestion/core/windows.py",
        '"""Frozen half-open windows',
        '"""Frozen, half-open windows',
        ("tests/ingestion/test_windows.py::test_a_failed_run_leaves_the_watermark_and_the_next_window_covers_its_own",),
    )

    outcome = plant(harmless, tmp_path, "sqlite")

    assert not outcome.caught


def test_a_fault_whose_text_is_gone_is_no_fault_that_was_caught(tmp_path: Path) -> None:
    copy(tmp_path)

    outcome = plant(Fault("ingestion/core/windows.py", "not there", "", ()), tmp_path, "sqlite")

    assert not outcome.caught
    assert planting.PROJECT.exists()
