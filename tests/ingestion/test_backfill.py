"""Backfill: shards cover a window once, beside live runs, and the last of them closes the parent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from redis import Redis

from ingestion import JsonLines, JsonPages, Pipeline, actions, running, scheduling
from ingestion.clock import read_db_now
from ingestion.core.errors import ActionRefused
from ingestion.core.windows import Window, split
from ingestion.models import AuditEntry, Connection, Run, Tenant
from ingestion.running import shards
from ingestion.signals import run_finished
from ingestion.testing import Records, registered
from tests.ingestion.admin.staff import staff
from tests.ingestion.chaos.processes import DyingAt, in_child
from tests.ingestion.runs import OPERATOR, carry, counts, events, expire, item, new_tenant, over, rows, watermarks

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def on_day(number: int, **values: Any) -> dict[str, Any]:
    """A record of the `number`th day of January, at noon."""
    return item(number, at=(START + (number - 0.5) * DAY).isoformat(), **values)


def windowed(records: list[dict[str, Any]], **changes: Any) -> Pipeline:
    return over(records, source=Records(records, page_size=2, time="at"), **changes)


TEN_DAYS = [on_day(number) for number in range(1, 11)]


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    with registered(windowed(TEN_DAYS)) as value:
        yield value


def connected(pipeline: Pipeline, tenant: Tenant | None = None) -> Connection:
    return actions.connect(OPERATOR, tenant or new_tenant(tier="enterprise"), pipeline.name)


def backfill(connection: Connection, days: int = 10, **options: Any) -> Run:
    given = {"reason": "they sent it late", "hint": False, **options}
    return actions.backfill(OPERATOR, connection, START, START + days * DAY, **given)


def shards_of(parent: Run) -> list[Run]:
    return list(Run.unscoped.filter(parent=parent).order_by("pk"))


def carry_all(parent: Run) -> Run:
    for shard in shards_of(parent):
        carry(shard)
    parent.refresh_from_db()
    return parent


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
    live = actions.run_now(OPERATOR, connection, hint=False)
    again = actions.run_now(OPERATOR, connection, hint=False)

    claimed = [running.ownership.claim(run.pk) for run in (first, second, third, live, again)]

    assert [one is not None for one in claimed] == [True, True, False, True, False]
    taken = Run.unscoped.filter(connection=connection, state=Run.State.RUNNING, active_key__isnull=False)
    assert {run.pk for run in taken} == {first.pk, second.pk, live.pk}


def test_a_shard_of_a_dead_worker_keeps_its_slot_and_goes_on_from_its_checkpoint() -> None:
    records = [{**on_day(1), "id": f"rec_{number}"} for number in range(6)]
    with registered(windowed(records)) as pipeline:
        parent = backfill(connected(pipeline), days=1, parallel=1)
        (shard,) = shards_of(parent)

        in_child(lambda: carry(shard, DyingAt("committed", 2).seams))
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
    live = actions.run_now(OPERATOR, connection, hint=False)

    scheduling.tick()

    hinted = {job.decode() for job in redis.lrange("rq:queue:ingestion-enterprise", 0, -1)}  # type: ignore[union-attr]
    expected = [*shards_of(parent)[:3], live]
    mine = {f"run-{run.pk}-0" for run in Run.unscoped.filter(connection=connection)}
    assert hinted & mine == {f"run-{run.pk}-0" for run in expected}


def test_the_end_of_a_shard_hints_the_next_one(pipeline: Pipeline, redis: Redis) -> None:
    parent = backfill(connected(pipeline), parallel=1)
    first, second, *_ = shards_of(parent)

    carry(first)

    assert redis.lrange("rq:queue:ingestion-enterprise", 0, -1) == [f"run-{second.pk}-0".encode()]


def test_one_failed_shard_fails_the_parent_and_only_it_is_retried() -> None:
    bad = [{**on_day(3, amount="much"), "id": f"bad_{number}"} for number in range(300)]
    records = [*TEN_DAYS[:2], *TEN_DAYS[3:], *bad]
    budget = dataclasses.replace(over(records).error_budget, ratio=0.5, at_least=1)
    with registered(windowed(records, error_budget=budget)) as pipeline:
        connection = connected(pipeline)
        parent = carry_all(backfill(connection))
    with registered(windowed(TEN_DAYS)):
        again = actions.retry(OPERATOR, parent, "mended", hint=False)
        carry_all(again)

    assert (parent.state, parent.error_class) == (Run.State.FAILED, "ShardsFailed")
    assert "1 of 10 shards failed" in parent.error_message
    assert counts(parent) == tuple(sum(column) for column in zip(*map(counts, shards_of(parent)), strict=True))
    (shard,) = shards_of(again)
    assert (shard.window_start, shard.window_end) == (START + 2 * DAY, START + 3 * DAY)
    assert again.state == Run.State.SUCCEEDED
    assert rows(connection.tenant) == {one["id"]: one["amount"] for one in TEN_DAYS}


def test_dead_letters_make_the_parent_partial() -> None:
    with registered(windowed([on_day(1), on_day(2, amount="much")])) as pipeline:
        parent = carry_all(backfill(connected(pipeline), days=2))

    assert (parent.state, counts(parent)) == (Run.State.PARTIAL, (2, 1, 0, 1))


def test_cancelling_stops_every_shard_and_keeps_what_was_loaded(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection, parallel=2)
    done, under_way, *_ = shards_of(parent)
    carry(done)
    mine = running.ownership.claim(under_way.pk)
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
    again = actions.retry(OPERATOR, parent, hint=False)
    assert len(shards_of(again)) == 9


def test_a_backfill_cancelled_before_anything_ran_ends_at_once(pipeline: Pipeline) -> None:
    parent = backfill(connected(pipeline))

    actions.cancel(OPERATOR, parent)

    parent.refresh_from_db()
    assert parent.state == Run.State.CANCELLED
    with pytest.raises(ActionRefused, match="ended already"):
        actions.cancel(OPERATOR, parent)


def test_a_single_shard_is_neither_cancelled_nor_retried(pipeline: Pipeline) -> None:
    parent = backfill(connected(pipeline))
    shard = shards_of(parent)[0]

    for act in (actions.cancel, actions.retry):
        with pytest.raises(ActionRefused, match=f"shard of backfill {parent.pk}"):
            act(OPERATOR, shard)


def test_pausing_the_connection_holds_the_shards_and_resuming_goes_on(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection)

    actions.pause(OPERATOR, connection, "repairs")
    carry_all(parent)
    held = parent.state
    actions.resume(OPERATOR, connection)
    carry_all(parent)

    assert (held, parent.state) == (Run.State.RUNNING, Run.State.SUCCEEDED)


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
        carry(actions.run_now(OPERATOR, connection, hint=False))
    with registered(windowed([on_day(1, revision=1, amount="1.00")])):
        parent = carry_all(backfill(connection, days=1))

    assert rows(tenant) == {"rec_0001": "2.00"}
    assert counts(parent) == (1, 0, 1, 0)


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
    assert shards.settle(parent.pk) is False


@pytest.mark.parametrize(
    ("source", "possible"),
    [
        (JsonPages(lambda ctx, cursor: (b"{}", None), windowed=True), True),
        (JsonPages(lambda ctx, cursor: (b"{}", None)), False),
        (JsonLines("x"), False),
        (Records([], time="at"), True),
        (Records([]), False),
    ],
)
def test_only_sources_that_read_windows_are_backfilled(source: Any, possible: bool) -> None:
    with registered(over([], source=source)) as pipeline:
        connection = connected(pipeline)
        if possible:
            assert backfill(connection).is_backfill
            return
        with pytest.raises(ActionRefused, match="does not read a window"):
            backfill(connection)

    assert not Run.unscoped.filter(connection=connection).exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"reason": ""}, "Say why"),
        ({"shard": timedelta(seconds=1)}, "less than a minute"),
        ({"shard": timedelta(minutes=2)}, "BACKFILL_SHARDS"),
        ({"parallel": 0}, "From 1 to 50"),
        ({"parallel": 51}, "From 1 to 50"),
        ({"days": 0}, "not before"),
        ({"days": 100_000, "shard": timedelta(weeks=52)}, "future"),
    ],
)
def test_what_makes_no_backfill_is_refused(pipeline: Pipeline, options: dict[str, Any], says: str) -> None:
    connection = connected(pipeline)

    with pytest.raises(ActionRefused, match=says):
        backfill(connection, **options)

    assert not Run.unscoped.filter(connection=connection).exists()


def test_naive_times_are_refused(pipeline: Pipeline) -> None:
    with pytest.raises(ActionRefused, match="time zone"):
        actions.backfill(OPERATOR, connected(pipeline), datetime(2026, 1, 1), read_db_now(), reason="x")  # noqa: DTZ001


def test_a_paused_connection_is_not_backfilled(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    actions.pause(OPERATOR, connection, "repairs")

    with pytest.raises(ActionRefused, match="paused"):
        backfill(connection)


def test_staff_of_another_tenant_may_neither_backfill_nor_schedule(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    parent = backfill(connection)
    stranger = actions.Actor(staff(f"stranger{parent.pk}", new_tenant()))
    before = Run.unscoped.filter(connection=connection).count()

    for act in (
        lambda: actions.backfill(stranger, connection, START, START + DAY, reason="mine"),
        lambda: actions.cancel(stranger, parent),
        lambda: actions.retry(stranger, parent),
        lambda: actions.set_schedule(stranger, connection, {"every": "1h"}),
        lambda: actions.connect(stranger, connection.tenant, pipeline.name, "mine", {"every": "1h"}),
        lambda: actions.set_time_zone(stranger, connection.tenant, "Asia/Tokyo"),
    ):
        with pytest.raises(PermissionDenied):
            act()

    connection.refresh_from_db()
    parent.refresh_from_db()
    assert Run.unscoped.filter(connection=connection).count() == before
    assert (connection.schedule, parent.cancel_requested, connection.tenant.time_zone) == (None, False, "UTC")
