"""A worker that dies while it reads ahead loses and doubles nothing."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion import ErrorBudget
from ingestion.running import Hooks
from ingestion.testing import Records, registered
from tests.app.oracle import oracle
from tests.databases import examples
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child
from tests.ingestion.readers import Flaky, Watched
from tests.ingestion.runs import carry, counts, dead_letters, effects, expire, finish, item, items, over, queued, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.mark.slow
def test_after_a_death_nothing_is_read_ahead() -> None:
    """A death in the second page would be blamed on the records of the first."""
    threads: set[str] = set()
    source = Watched(2, lambda number, ctx: threads.add(threading.current_thread().name))
    with registered(over([], source=source)) as pipeline:
        run = queued(pipeline)
        assert in_child(lambda: carry(run, DyingAt("prepared").hooks)) == KILLED

        finish(run)

    assert (run.state, counts(run)) == ("succeeded", (2, 2, 0, 0))
    assert threads == {threading.current_thread().name}


@pytest.mark.slow
@pytest.mark.parametrize(("point", "nth"), [("extracted", 2), ("before commit", 1), ("committed", 3), ("exhausted", 1)])
def test_a_run_that_is_killed_while_it_reads_ahead_loses_and_doubles_nothing(point: str, nth: int) -> None:
    records = items(40)
    with registered(over(records, source=Flaky(Records(records, page_size=10, ahead=True), set()))) as pipeline:
        run = queued(pipeline)

        died = in_child(lambda: carry(run, DyingAt(point, nth).hooks))
        finish(run)

    assert (died, counts(run)) == (KILLED, (40, 40, 0, 0))
    assert effects(run) == sorted(rows(run.tenant)) == sorted(one["id"] for one in records)


class Killed(BaseException):
    """Ends a worker in the middle of a test's process."""


def story(records: Sequence[dict[str, Any]], fails: set[int], crash: int, *, ahead: bool) -> tuple[Any, list[str]]:
    """What a run leaves behind that dies at its `crash`-th seam, and the seams it passed."""
    passed: list[str] = []

    def seam(point: str) -> None:
        passed.append(point)
        if len(passed) == crash:
            raise Killed

    source = Flaky(Records(records, page_size=2, ahead=ahead), set(fails))
    pipeline = dataclasses.replace(oracle, source=source, reconciliations=(), error_budget=ErrorBudget(ratio=1.0))
    with registered(pipeline):
        run = queued(pipeline)
        try:
            carry(run, Hooks(at=seam, sleep=lambda seconds: None))
        except Killed:
            expire(run)
        finish(run)
    keys = [(one.source_id, one.stage, one.times_seen) for one in dead_letters(run.tenant)]
    left = (run.state, counts(run), run.batches, run.checkpoint, rows(run.tenant), keys, effects(run))
    return left, passed


@pytest.mark.slow
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    good=st.lists(st.booleans(), min_size=1, max_size=7),
    fails=st.sets(st.sampled_from([2, 4, 6]), max_size=2),
    crash=st.integers(min_value=0, max_value=30),
)
def test_reading_ahead_leaves_behind_what_reading_in_turn_does(good: list[bool], fails: set[int], crash: int) -> None:
    records = [item(number, **({} if fine else {"amount": "-1.00"})) for number, fine in enumerate(good)]

    ahead, passed_ahead = story(records, fails, crash, ahead=True)
    in_turn, passed_in_turn = story(records, fails, crash, ahead=False)

    assert ahead == in_turn
    assert passed_ahead == passed_in_turn
