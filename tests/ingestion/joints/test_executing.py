"""What one execution of a run leaves behind in its process, its letters and its row."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ingestion import Context, Record
from ingestion.letters import identity
from ingestion.testing import Records
from tests.ingestion.runs import items, load, over

pytestmark = [pytest.mark.django_db]

THRESHOLD = (701, 11, 9)
"""Nobody's default."""


@pytest.fixture
def _threshold() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLD)
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("_threshold")
@pytest.mark.parametrize("error", [None, ValueError("broken")])
def test_a_run_leaves_the_garbage_collector_as_it_was(error: Exception | None) -> None:
    during: list[tuple[int, int, int]] = []

    def watching(value: object, ctx: Context) -> object:
        during.append(gc.get_threshold())
        raise ValueError("no row")

    load(over([], source=Records(items(1), error=error), transform=watching))

    assert during != [THRESHOLD]
    assert gc.get_threshold() == THRESHOLD
    assert gc.get_freeze_count() == 0


def test_letters_of_records_whose_id_and_bytes_run_into_each_other_are_two() -> None:
    assert identity(Record("ab", b"c")) != identity(Record("a", b"bc"))
    assert identity(Record("", b"abc")) != identity(Record("a", b"bc"))
