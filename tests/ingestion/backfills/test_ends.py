"""How backfills end: failed, cancelled, left open by a crash."""

from __future__ import annotations

import dataclasses

import pytest

from ingestion import Pipeline, actions, running, scheduling
from ingestion.core.errors import ActionRefused
from ingestion.models import Run
from ingestion.running import shards
from ingestion.signals import run_finished
from ingestion.testing import registered
from tests.ingestion.backfills.days import (
    DAY,
    START,
    TEN_DAYS,
    backfill,
    carry_all,
    connected,
    on_day,
    shards_of,
    windowed,
)
from tests.ingestion.runs import OPERATOR, carry, counts, expire, over, rows

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.mark.slow
def test_one_failed_shard_fails_the_parent_and_only_it_is_retried() -> None:
    bad = [{**on_day(3, amount="much"), "id": f"bad_{number}"} for number in range(300)]
    records = [*TEN_DAYS[:2], *TEN_DAYS[3:], *bad]
    budget = dataclasses.replace(over(records).error_budget, ratio=0.5, at_least=1)
    with registered(windowed(records, error_budget=budget)) as pipeline:
        connection = connected(pipeline)
        parent = carry_all(backfill(connection))
    with registered(windowed(TEN_DAYS)):
        again = actions.retry(OPERATOR, parent, "mended", wake=False)
        carry_all(again)

    assert (parent.state, parent.error_class) == (Run.State.FAILED, "ShardsFailed")
    assert "1 of 10 shards failed" in parent.error_message
    assert counts(parent) == tuple(sum(column) for column in zip(*map(counts, shards_of(parent)), strict=True))
    (shard,) = shards_of(again)
    assert (shard.window_start, shard.window_end) == (START + 2 * DAY, START + 3 * DAY)
    assert again.state == Run.State.SUCCEEDED
    assert rows(connection.tenant) == {one["id"]: one["amount"] for one in TEN_DAYS}


@pytest.mark.slow
def test_dead_letters_make_the_parent_partial() -> None:
    with registered(windowed([on_day(1), on_day(2), {**on_day(2, amount="much"), "id": "bad"}])) as pipeline:
        parent = carry_all(backfill(connected(pipeline), days=2))

    assert (parent.state, counts(parent)) == (Run.State.PARTIAL, (3, 2, 0, 1))


@pytest.mark.slow
def test_cancelling_stops_every_shard_and_keeps_what_was_loaded(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection, parallel=2)
    done, under_way, *_ = shards_of(parent)
    carry(done)
    mine = running.claims.claim(under_way.pk)
    assert mine is not None

    actions.cancel(OPERATOR, parent, "not needed")
    parent.refresh_from_db()
    before = parent.state
    expire(under_way)
    carry(under_way)

    parent.refresh_from_db()
    assert before == Run.State.RUNNING
    assert parent.state == Run.State.CANCELLED
    states = [shard.state for shard in shards_of(parent)]
    assert states == [Run.State.SUCCEEDED, *[Run.State.CANCELLED] * 9]
    assert rows(connection.tenant) == {"rec_0001": "1.00"}
    again = actions.retry(OPERATOR, parent, wake=False)
    assert len(shards_of(again)) == 9


def test_a_backfill_cancelled_before_anything_ran_ends_at_once(pipeline: Pipeline) -> None:
    parent = backfill(connected(pipeline))

    actions.cancel(OPERATOR, parent)

    parent.refresh_from_db()
    assert parent.state == Run.State.CANCELLED
    with pytest.raises(ActionRefused, match="ended already"):
        actions.cancel(OPERATOR, parent)


def test_a_parent_left_open_by_a_crash_is_closed_by_the_tick_once(pipeline: Pipeline) -> None:
    heard: list[int] = []

    def listen(run: Run, **kwargs: object) -> None:
        heard.append(run.pk)

    parent = backfill(connected(pipeline), days=2)
    Run.unscoped.filter(parent=parent).update(state=Run.State.SUCCEEDED)
    run_finished.connect(listen)
    try:
        scheduling.tick()
        scheduling.tick()
    finally:
        run_finished.disconnect(listen)

    parent.refresh_from_db()
    assert parent.state == Run.State.SUCCEEDED
    assert heard == [parent.pk]
    assert shards.close_if_done(parent.pk) is False
