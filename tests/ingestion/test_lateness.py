"""Why a connection is late, in words that say what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer

from ingestion import actions, scheduling
from ingestion.conf import MOST_AT_ONCE
from ingestion.database.clock import db_now_plus, read_db_now
from ingestion.models import Connection, Delivery, Heartbeat, Run
from ingestion.testing import registered
from tests.app.oracle import ticking
from tests.ingestion import received
from tests.ingestion.received import delivered_to, push
from tests.ingestion.runs import OPERATOR, carry, item, new_tenant, over

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def ticked(db: None) -> None:
    beat(0)


def beat(seconds_ago: float) -> None:
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": db_now_plus(-seconds_ago)})


def connected(seconds_late: float = 3600, **values: Any) -> Connection:
    connection = actions.connect(OPERATOR, new_tenant(), "app.ticking")
    Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(-seconds_late), **values)
    connection.refresh_from_db()
    return connection


def scheduled(connection: Connection, seconds_ago: float = 1800, **values: Any) -> Run:
    """The connection's scheduled run, made so long ago; the next due time lies ahead."""
    due = connection.next_due
    assert due is not None
    run = Run.unscoped.create(
        tenant=connection.tenant, connection=connection, pipeline=connection.pipeline, kind=Run.Kind.SCHEDULED,
        due_key=f"{connection.pk}:{due.isoformat()}", **values,
    )  # fmt: skip
    Run.unscoped.filter(pk=run.pk).update(created_at=db_now_plus(-seconds_ago))
    return run


def ahead(connection: Connection) -> None:
    Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(3600))


def reasons() -> list[str]:
    return [one.reason for one in scheduling.overdue()]


@contextmanager
def serving(redis: Redis, name: str) -> Iterator[None]:
    """A worker that is registered for the queue, and busy for ever."""
    worker = Worker([name], connection=redis, serializer=JSONSerializer)
    worker.register_birth()
    try:
        yield
    finally:
        worker.register_death()


def test_nothing_is_overdue_within_four_ticks() -> None:
    connected(seconds_late=30)

    assert scheduling.overdue() == []


def test_no_tick_for_some_time() -> None:
    connection = connected()
    beat(1500)

    (found,) = scheduling.overdue()

    assert (found.connection, found.since) == (connection, connection.next_due)
    assert found.reason.startswith("no tick has run since ")
    assert "(25 min): run `manage.py ingest scheduler` or `manage.py ingest tick --loop`" in found.reason


def test_no_tick_ever() -> None:
    connected()
    Heartbeat.objects.all().delete()

    assert reasons() == ["no tick has ever run: run `manage.py ingest scheduler` or `manage.py ingest tick --loop`"]


def test_ticks_that_cannot_keep_up() -> None:
    connected()

    assert reasons() == ['ticks are behind: more than 200 connections are due (INGESTION["TICK_LIMIT"])']


def test_an_earlier_run_that_is_still_running() -> None:
    connection = connected()
    run = scheduled(
        connection,
        state=Run.State.RUNNING,
        lease_until=read_db_now() + timedelta(minutes=1),
        started_at=read_db_now() - timedelta(hours=2),
        host="worker-7",
        active_key=connection.pk,
    )

    assert reasons()[0].startswith(f"the earlier run {run.pk} is still running since ")
    assert reasons()[0].endswith("on worker-7")


def test_another_run_of_the_connection_holds_it() -> None:
    connection = connected()
    scheduled(connection)
    ahead(connection)
    replay = Run.unscoped.create(
        tenant=connection.tenant,
        connection=connection,
        pipeline=connection.pipeline,
        kind=Run.Kind.REPLAY,
        state=Run.State.RUNNING,
        active_key=connection.pk,
        started_at=read_db_now(),
    )

    assert f"waits for run {replay.pk} (replay), which is running since" in reasons()[0]


def test_a_queued_run_without_any_worker(redis: Redis) -> None:
    connection = connected()
    scheduled(connection)
    ahead(connection)

    (found,) = scheduling.overdue()

    assert "no worker serves queue ingestion-free (0 runs wait)" in found.reason
    assert "`manage.py ingest worker --queue ingestion-free`" in found.reason
    assert found.since == connection.next_due


def test_a_queued_run_behind_many_others(redis: Redis) -> None:
    connection = connected()
    scheduled(connection)
    ahead(connection)
    with serving(redis, "ingestion-free"):
        redis.rpush("rq:queue:ingestion-free", "run-1-0", "run-2-0")
        found = reasons()

    assert "2 runs wait in queue ingestion-free for its workers (1): start more of them" in found[0]


def test_a_queued_run_whose_tenant_has_others_running(redis: Redis) -> None:
    connection = connected()
    scheduled(connection)
    ahead(connection)
    other = actions.connect(OPERATOR, connection.tenant, "app.oracle")
    Run.unscoped.create(
        tenant=other.tenant,
        connection=other,
        pipeline=other.pipeline,
        kind=Run.Kind.MANUAL,
        state=Run.State.RUNNING,
        active_key=other.pk,
        slot_key=other.tenant_id * MOST_AT_ONCE,
    )
    with serving(redis, "ingestion-free"):
        found = reasons()

    assert "the tenant's budget is full: 1 of its runs are running" in found[0]


def test_a_run_that_lost_its_worker_and_found_no_other(redis: Redis) -> None:
    connection = connected()
    run = scheduled(
        connection, state=Run.State.RUNNING, lease_until=read_db_now() - timedelta(minutes=9), host="worker-7"
    )
    ahead(connection)

    assert f"the worker of run {run.pk} on worker-7 is gone, and no other has taken it: no worker" in reasons()[0]


def test_a_run_that_waits_for_its_next_attempt_is_not_taken_for_a_stuck_one() -> None:
    connection = connected()
    scheduled(
        connection, not_before=read_db_now() + timedelta(minutes=10), error_class="Transient", error_message="429"
    )
    late = reasons()
    ahead(connection)

    assert "after Transient: `manage.py ingest show run" in late[0]
    assert "429" not in late[0]
    assert "is tried again at" in late[0]
    assert reasons() == []


def test_a_paused_connection_is_meant_to_wait_and_still_has_its_reason() -> None:
    connection = connected(paused_at=read_db_now(), paused_reason="repairs")

    assert scheduling.overdue() == []
    assert scheduling.why_late([connection])[connection.pk].reason.endswith(": repairs")


def test_a_pipeline_that_is_gone_and_a_schedule_that_cannot_be_read() -> None:
    gone = connected(pipeline="shop.removed")
    broken = connected(schedule={"every": "soon"})

    found = scheduling.why_late([gone, broken])

    assert found[gone.pk].reason.startswith("UnknownPipeline: There is no pipeline 'shop.removed'")
    assert found[broken.pk].reason.startswith("ConfigurationError: 'soon' is not a length of time")


def test_shards_of_a_backfill_make_nothing_late() -> None:
    connection = connected()
    ahead(connection)
    parent = Run.unscoped.create(
        tenant=connection.tenant, connection=connection, pipeline=connection.pipeline, kind=Run.Kind.BACKFILL,
        state=Run.State.RUNNING,
    )  # fmt: skip
    shard = Run.unscoped.create(
        tenant=connection.tenant, connection=connection, pipeline=connection.pipeline, kind=Run.Kind.BACKFILL,
        parent=parent,
    )  # fmt: skip
    Run.unscoped.filter(pk=shard.pk).update(created_at=db_now_plus(-7200))

    assert scheduling.overdue() == []


def test_many_late_connections_take_few_questions(django_assert_max_num_queries: Any) -> None:
    with registered(dataclasses.replace(ticking)):
        for _ in range(25):
            connected()

    with django_assert_max_num_queries(8):
        assert len(scheduling.overdue()) == 25


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    with registered(delivered_to()) as pipeline:
        connection = received.connected(pipeline)
        push(connection, "evt_1", item(1))
        yield Delivery.objects.for_tenant(connection.tenant).select_related("connection", "tenant").get()


def waits(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return scheduling.why_pending([delivery]).get(delivery.pk, "")


def test_a_delivery_waits_for_a_worker_or_a_tick_and_says_so(delivery: Delivery, redis: Redis) -> None:
    (run,) = received.webhook_runs(delivery.connection)
    assert "no worker serves queue" in waits(delivery)

    Run.unscoped.filter(pk=run.pk).delete()
    assert waits(delivery) == "it has no run yet; the next tick makes one"

    beat(3600)
    assert waits(delivery).startswith("no tick has run since")


def test_a_delivery_waits_behind_another_run_or_a_pause(delivery: Delivery, redis: Redis) -> None:
    connection = delivery.connection
    other = Run.unscoped.create(
        tenant=connection.tenant, connection=connection, pipeline=connection.pipeline, kind=Run.Kind.MANUAL,
        state=Run.State.RUNNING, active_key=connection.pk, lease_until=db_now_plus(60),
    )  # fmt: skip
    assert f"waits for run {other.pk} (manual), which is running" in waits(delivery)

    actions.pause(OPERATOR, connection, "repairs")
    assert waits(delivery).endswith(": repairs")


def test_a_delivery_after_a_failed_run_says_when_it_is_tried_again(delivery: Delivery, redis: Redis) -> None:
    (run,) = received.webhook_runs(delivery.connection)
    Run.unscoped.filter(pk=run.pk).update(not_before=db_now_plus(600))

    assert waits(delivery).startswith(f"the run before it failed; run {run.pk} tries again at")


def test_a_delivery_that_is_taken_in_waits_for_nothing(delivery: Delivery) -> None:
    (run,) = received.webhook_runs(delivery.connection)
    carry(run)

    assert waits(delivery) == ""


def test_a_delivery_that_nobody_can_take_apart_says_so(delivery: Delivery) -> None:
    with registered(over([])):
        assert "takes no deliveries" in waits(delivery)
