"""Frozen windows, watermarks, and the one active run of a connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion import SourceChanged, actions
from ingestion.core.errors import ActionRefused
from ingestion.core.windows import EPOCH
from ingestion.models import Connection, Run
from ingestion.running import Hooks
from ingestion.running.claims import claim
from ingestion.testing import Records, registered
from tests.ingestion.chaos.processes import DyingAt, in_child
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    counts,
    events,
    finish,
    items,
    load,
    new_tenant,
    over,
    queued,
    watermarks,
)

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


def test_the_first_window_starts_in_1970_and_the_next_overlaps_by_the_lag() -> None:
    tenant = new_tenant()
    pipeline = over(items(1), lag=timedelta(minutes=7))

    first, second = load(pipeline, tenant), load(pipeline, tenant)

    assert (first.window_start, first.watermark_before) == (EPOCH, None)
    assert second.watermark_before == first.window_end == first.watermark_after
    assert second.window_start == first.window_end - timedelta(minutes=7)
    assert second.window_end > first.window_end
    assert watermarks(first.connection) == [first.window_end, second.window_end]


@pytest.mark.sqlite
def test_a_lag_longer_than_time_reads_everything_each_time() -> None:
    tenant = new_tenant()
    pipeline = over(items(1), lag=timedelta.max)

    first, second = load(pipeline, tenant), load(pipeline, tenant)

    assert (first.window_start, second.window_start) == (EPOCH, EPOCH)


@pytest.mark.slow
def test_a_failed_run_leaves_the_watermark_and_the_next_window_covers_its_own() -> None:
    tenant = new_tenant()
    good = load(over(items(1)), tenant)

    load(over([], source=Records(items(2), error=SourceChanged("?"))), tenant)
    third = load(over(items(3)), tenant)

    assert third.watermark_before == good.window_end
    assert watermarks(good.connection) == [good.window_end, third.window_end]


@pytest.mark.slow
def test_a_window_stays_as_it_was_on_every_attempt() -> None:
    with registered(over(items(4), page=1)) as pipeline:
        run = queued(pipeline)
        before = (run.window_start, run.window_end)
        for nth in (1, 2, 1):
            in_child(lambda nth=nth: carry(run, DyingAt("committed", nth).hooks))
            Run.unscoped.filter(pk=run.pk).update(lease_until=datetime(2000, 1, 1, tzinfo=UTC))
        finish(run)

    assert (run.window_start, run.window_end) == before
    assert (counts(run), run.fence) == ((4, 4, 0, 0), 4)


def test_an_older_run_that_ends_late_does_not_move_the_watermark_back() -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        older, newer = queued(pipeline, tenant), queued(pipeline, tenant)
        carry(newer)
        carry(older)

    assert older.window_end < newer.window_end
    assert (older.state, older.watermark_after) == (Run.State.SUCCEEDED, newer.window_end)
    assert watermarks(older.connection)[-1] == newer.window_end


def test_a_rewound_connection_starts_where_it_was_rewound_to() -> None:
    tenant = new_tenant()
    first = load(over(items(1)), tenant)
    to = datetime(2024, 5, 1, tzinfo=UTC)

    actions.rewind(OPERATOR, first.connection, to, "the source lost May")
    second = load(over(items(1)), tenant)

    assert second.window_start == to - timedelta(minutes=5)
    assert watermarks(first.connection) == [first.window_end, to, second.window_end]


@pytest.mark.slow
def test_a_run_retried_after_a_rewind_leaves_the_gap_before_its_window_to_the_next_run() -> None:
    tenant = new_tenant()
    first = load(over(items(1)), tenant)
    failed = load(over([], source=Records(items(1), error=SourceChanged("?"))), tenant)
    to = datetime(2024, 5, 1, tzinfo=UTC)
    actions.rewind(OPERATOR, first.connection, to, "the source lost May")

    with registered(over(items(1))):
        again = carry(actions.retry(OPERATOR, failed, wake=False))

    assert (again.state, again.watermark_after) == (Run.State.SUCCEEDED, to)
    assert watermarks(first.connection)[-1] == to


def test_a_second_run_of_a_connection_cannot_be_claimed_while_the_first_is_active() -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        first, second = queued(pipeline, tenant), queued(pipeline, tenant)

        assert claim(first.pk) is not None
        assert claim(first.pk) is None
        assert claim(second.pk) is None


@pytest.mark.slow
def test_five_hints_of_one_run_make_one_execution() -> None:
    with registered(over(items(50), page=5)) as pipeline:
        run = queued(pipeline)

        codes = [in_child(lambda: carry(run)) for _ in range(5)]
        run.refresh_from_db()

    assert codes == [0] * 5
    assert (run.fence, counts(run)) == (1, (50, 50, 0, 0))


def test_a_cancelled_run_stops_at_the_next_page_and_keeps_what_it_committed() -> None:
    with registered(over(items(6), page=2)) as pipeline:
        run = queued(pipeline)

        carry(run, DyingAt("committed", 1, then=lambda: actions.cancel(OPERATOR, refreshed(run), "enough")).hooks)

    assert (run.state, counts(run)) == (Run.State.CANCELLED, (2, 2, 0, 0))
    assert watermarks(run.connection) == []
    assert (run.active_key, run.lease_until) == (None, None)


def test_a_queued_run_is_cancelled_at_once() -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        actions.cancel(OPERATOR, run)
        carry(run)

    assert run.state == Run.State.CANCELLED
    assert events(run) == ["queued", "cancelled"]
    with pytest.raises(ActionRefused, match="ended already"):
        actions.cancel(OPERATOR, run)


def test_a_paused_connection_gives_its_run_back_and_resumes_from_the_checkpoint() -> None:
    with registered(over(items(6), page=2)) as pipeline:
        run = queued(pipeline)
        pause = DyingAt("committed", 2, then=lambda: actions.pause(OPERATOR, run.connection, "repairs"))

        carry(run, pause.hooks)
        assert (run.state, counts(run), run.checkpoint) == (Run.State.QUEUED, (4, 4, 0, 0), 4)
        assert carry(run).state == Run.State.QUEUED, "a paused connection starts nothing"

        actions.resume(OPERATOR, run.connection)
        carry(run)

    assert (run.state, counts(run), run.batches) == (Run.State.SUCCEEDED, (6, 6, 0, 0), 3)
    assert run.attempts == 0, "a pause is not a failure"


def test_a_worker_asked_to_stop_gives_its_run_back_at_the_batch_boundary() -> None:
    with registered(over(items(6), page=2)) as pipeline:
        run = carry(queued(pipeline), Hooks(stop=lambda: True))

        assert (run.state, counts(run), run.active_key) == (Run.State.QUEUED, (2, 2, 0, 0), None)
        carry(run)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (6, 6, 0, 0))


@pytest.mark.slow
def test_a_run_cancelled_after_its_worker_died_is_cancelled_by_the_next_claim() -> None:
    with registered(over(items(4), page=2)) as pipeline:
        run = queued(pipeline)
        in_child(lambda: carry(run, DyingAt("committed", 1).hooks))
        actions.cancel(OPERATOR, refreshed(run))
        finish(run)

    assert (run.state, counts(run)) == (Run.State.CANCELLED, (2, 2, 0, 0))


@pytest.mark.slow
def test_a_run_paused_after_its_worker_died_is_given_back_and_frees_the_connection() -> None:
    with registered(over(items(4), page=2)) as pipeline:
        run = queued(pipeline)
        in_child(lambda: carry(run, DyingAt("committed", 1).hooks))
        actions.pause(OPERATOR, run.connection, "repairs")
        Run.unscoped.filter(pk=run.pk).update(lease_until=datetime(2000, 1, 1, tzinfo=UTC))
        carry(run)

    assert (run.state, run.active_key) == (Run.State.QUEUED, None)
    assert Connection.unscoped.get(pk=run.connection_id).is_paused


def refreshed(run: Run) -> Any:
    return Run.unscoped.select_related("tenant").get(pk=run.pk)
