"""A window of the past is read in shards, beside the live runs."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from redis import Redis

from ingestion import Pipeline, actions, running, scheduling
from ingestion.core.windows import Window, split
from ingestion.models import AuditEntry, Run
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
from tests.ingestion.chaos.processes import DyingAt, in_child
from tests.ingestion.runs import OPERATOR, carry, counts, events, expire, new_tenant, rows, watermarks

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.mark.slow
def test_every_day_is_read_once_and_the_watermark_stays(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    mark = actions.rewind(OPERATOR, connection, START + 5 * DAY, "where it stands")

    parent = carry_all(backfill(connection))

    assert rows(connection.tenant) == {one["id"]: one["amount"] for one in TEN_DAYS}
    assert [counts(shard) for shard in shards_of(parent)] == [(1, 1, 0, 0)] * 10
    assert (parent.state, counts(parent)) == (Run.State.SUCCEEDED, (10, 10, 0, 0))
    assert parent.finished_at is not None
    assert watermarks(connection) == [mark.value]
    assert events(parent) == ["started", "succeeded"]
    entry = AuditEntry.objects.for_tenant(connection.tenant).get(action="backfill")
    assert (entry.reason, entry.data["shards"]) == ("they sent it late", 10)


def test_shards_part_their_parents_window_without_gap_or_overlap() -> None:
    parts = split(Window(START, START + timedelta(days=3, hours=5)), DAY)

    assert parts[0].start == START
    assert all(later.start == earlier.end for earlier, later in pairwise(parts))
    assert [part.end - part.start for part in parts] == [DAY, DAY, DAY, timedelta(hours=5)]


def test_live_runs_go_on_beside_the_shards_and_never_beside_each_other(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection, parallel=2)
    first, second, third, *_ = shards_of(parent)
    live = actions.run_now(OPERATOR, connection, wake=False)
    again = actions.run_now(OPERATOR, connection, wake=False)

    claimed = [running.claims.claim(run.pk) for run in (first, second, third, live, again)]

    assert [one is not None for one in claimed] == [True, True, False, True, False]
    taken = Run.unscoped.filter(connection=connection, state=Run.State.RUNNING, active_key__isnull=False)
    assert {run.pk for run in taken} == {first.pk, second.pk, live.pk}


@pytest.mark.slow
def test_a_shard_of_a_dead_worker_keeps_its_slot_and_goes_on_from_its_checkpoint() -> None:
    records = [{**on_day(1), "id": f"rec_{number}"} for number in range(6)]
    with registered(windowed(records)) as pipeline:
        parent = backfill(connected(pipeline), days=1, parallel=1)
        (shard,) = shards_of(parent)

        in_child(lambda: carry(shard, DyingAt("committed", 2).hooks))
        shard.refresh_from_db()
        left = (shard.active_key, shard.batches, shard.state)
        expire(shard)
        carry(shard)

    parent.refresh_from_db()
    assert left[0] is not None
    assert left[0] < 0
    assert left[1:] == (2, Run.State.RUNNING)
    assert (shard.state, shard.batches, counts(shard)) == (Run.State.SUCCEEDED, 3, (6, 6, 0, 0))
    assert (parent.state, counts(parent)) == (Run.State.SUCCEEDED, (6, 6, 0, 0))


def test_the_tick_hints_as_many_shards_as_run_at_a_time_and_the_live_run_too(pipeline: Pipeline, redis: Redis) -> None:
    connection = connected(pipeline)
    parent = backfill(connection, parallel=3)
    live = actions.run_now(OPERATOR, connection, wake=False)

    scheduling.tick()

    woken = {job.decode() for job in redis.lrange("rq:queue:ingestion-enterprise", 0, -1)}  # type: ignore[union-attr]
    expected = [*shards_of(parent)[:3], live]
    mine = {f"run-{run.pk}-0" for run in Run.unscoped.filter(connection=connection)}
    assert woken & mine == {f"run-{run.pk}-0" for run in expected}


def test_the_end_of_a_shard_hints_the_next_one(pipeline: Pipeline, redis: Redis) -> None:
    parent = backfill(connected(pipeline), parallel=1)
    first, second, *_ = shards_of(parent)

    carry(first)

    assert redis.lrange("rq:queue:ingestion-enterprise", 0, -1) == [f"run-{second.pk}-0".encode()]


@pytest.mark.slow
def test_pausing_the_connection_holds_the_shards_and_resuming_goes_on(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection)

    actions.pause(OPERATOR, connection, "repairs")
    carry_all(parent)
    held = parent.state
    actions.resume(OPERATOR, connection)
    carry_all(parent)

    assert (held, parent.state) == (Run.State.RUNNING, Run.State.SUCCEEDED)


@pytest.mark.slow
def test_two_backfills_at_once_load_every_day_once_and_each_ends_for_itself(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    first, second = backfill(connection), backfill(connection)

    for one, other in zip(shards_of(first), shards_of(second), strict=True):
        carry(one)
        carry(other)

    first.refresh_from_db()
    second.refresh_from_db()
    assert rows(connection.tenant) == {one["id"]: one["amount"] for one in TEN_DAYS}
    assert (first.state, counts(first)) == (Run.State.SUCCEEDED, (10, 10, 0, 0))
    assert (second.state, counts(second)) == (Run.State.SUCCEEDED, (10, 0, 10, 0))


def test_an_older_version_from_a_shard_never_overwrites_what_the_live_run_loaded() -> None:
    tenant = new_tenant()
    with registered(windowed([on_day(1, revision=2, amount="2.00")])) as pipeline:
        connection = connected(pipeline, tenant)
        carry(actions.run_now(OPERATOR, connection, wake=False))
    with registered(windowed([on_day(1, revision=1, amount="1.00")])):
        parent = carry_all(backfill(connection, days=1))

    assert rows(tenant) == {"rec_0001": "2.00"}
    assert counts(parent) == (1, 0, 1, 0)
