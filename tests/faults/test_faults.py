"""The list of planted faults fits the code of today; `python -m tests.faults` plants them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults import planting
from tests.faults.__main__ import report
from tests.faults.joints import FAULTS
from tests.faults.planting import PROJECT, Fault, Outcome, Verdict, copy, plant, sound


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_its_file_and_names_tests_that_are_there(fault: Fault) -> None:
    assert fault.times() == 1
    assert fault.old != fault.new
    assert [name for name in fault.tests if not is_there(name)] == []
    assert bool(fault.tests) != bool(fault.equivalent)


def is_there(name: str) -> bool:
    """Whether pytest would find a test of that id."""
    file, _, function = name.partition("::")
    return (PROJECT / file).exists() and (not function or f"def {function}(" in (PROJECT / file).read_text())


def test_no_fault_is_listed_twice() -> None:
    planted = Counter(
        (fault.path, (PROJECT / fault.path).read_text().replace(fault.old, fault.new)) for fault in FAULTS
    )

    assert [path for (path, _), times in planted.items() if times > 1] == []
    assert len(FAULTS) >= 60


@pytest.mark.slow
def test_a_planted_fault_turns_its_test_red_and_is_taken_out_again(tmp_path: Path) -> None:
    copy(tmp_path)
    fault = Fault(
        "ingestion/core/shapes.py",
        '{1: "string", 2: "number"',
        '{1: "string", 2: "string"',
        ("tests/ingestion/drift/test_shapes.py::test_a_shape_has_paths_types_nulls_and_counts",),
    )

    outcome = plant(fault, tmp_path, "sqlite")

    assert outcome.verdict == Verdict.CAUGHT, outcome.said
    assert outcome.by.startswith("tests/ingestion/drift/test_shapes.py::")
    assert (tmp_path / fault.path).read_text() == (PROJECT / fault.path).read_text()


@pytest.mark.slow
def test_a_fault_that_no_test_notices_survives(tmp_path: Path) -> None:
    copy(tmp_path)
    harmless = Fault(
        "ingestion/core/windows.py",
        '"""Frozen half-open windows',
        '"""Frozen, half-open windows',
        ("tests/ingestion/test_keys_of_pages.py",),
    )

    outcome = plant(harmless, tmp_path, "sqlite")

    assert outcome.verdict == Verdict.UNNOTICED


@pytest.mark.slow
def test_tests_that_are_red_without_a_fault_catch_none(tmp_path: Path) -> None:
    copy(tmp_path)
    (tmp_path / "tests/test_red.py").write_text("def test_red() -> None:\n    assert False\n")

    said = sound([Fault("ingestion/dispatch.py", "", "", ("tests/test_red.py",))], tmp_path, "sqlite")

    assert "test_red.py::test_red" in said


def test_the_list_names_the_test_that_noticed_a_fault_and_counts_verdicts() -> None:
    fault = Fault("ingestion/dispatch.py", "if busy:\n    return", "pass", ())
    outcomes = [
        Outcome(fault, Verdict.CAUGHT, "1 failed", "tests/test_turns.py::test_it"),
        Outcome(fault, Verdict.UNNOTICED, "3 passed"),
        Outcome(fault, Verdict.UNNOTICED, "3 passed"),
    ]

    lines = report(outcomes, "sqlite").splitlines()

    assert lines[0].split() == ["caught", "ingestion/dispatch.py:", "if", "busy:"]
    assert lines[1].strip() == "tests/test_turns.py::test_it"
    assert lines[-1] == "3 faults on sqlite: 1 caught, 2 unnoticed."


def test_a_fault_that_nobody_could_notice_is_listed_with_the_reason_and_not_planted(tmp_path: Path) -> None:
    outcome = plant(Fault("gone.py", "a", "b", (), equivalent="asked twice"), tmp_path, "sqlite")

    assert (outcome.verdict, outcome.why) == (Verdict.EQUIVALENT, "asked twice")


def test_a_fault_of_whose_tests_none_runs_on_a_database_is_not_planted_there() -> None:
    text = "from __future__ import annotations"
    fault = Fault("ingestion/core/windows.py", text, "raise SystemExit", ("tests/ingestion/drift/test_shapes.py",))

    outcome = plant(fault, PROJECT, "mariadb")

    assert outcome.verdict == Verdict.ELSEWHERE
    assert (
        outcome.why == "none of its tests runs on this database: see SQLite's list, or that of the one they are about"
    )


@pytest.mark.slow
def test_a_fault_whose_text_is_gone_is_no_fault_that_was_caught(tmp_path: Path) -> None:
    copy(tmp_path)

    outcome = plant(Fault("ingestion/core/windows.py", "not there", "", ()), tmp_path, "sqlite")

    assert outcome.verdict == Verdict.UNNOTICED
    assert planting.PROJECT.exists()
