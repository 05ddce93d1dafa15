"""Fair choice: a tenant with a great many runs keeps no other waiting, and no tier starves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from redis import Redis
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from ingestion import actions, dispatch, scheduling
from ingestion.database.clock import db_now_plus, read_db_now
from ingestion.models import Connection, Run, Tenant
from ingestion.running.claims import claim
from tests.ingestion.runs import OPERATOR, configured, new_tenant

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.fixture(autouse=True)
def nothing_else_waits(committed: None) -> Iterator[None]:
    Connection.unscoped.update(next_due=None, paused_at=db_now_plus(-1))
    Run.unscoped.filter(state__in=Run.ACTIVE).update(state=Run.State.CANCELLED, active_key=None, slot_key=None)
    return


def tenant(tier: str = "free") -> Tenant:
    made = new_tenant()
    Tenant.objects.filter(pk=made.pk).update(tier=tier)
    made.refresh_from_db()
    return made


def connections(owner: Tenant, count: int, **values: Any) -> list[Connection]:
    Connection.unscoped.bulk_create(
        [Connection(tenant=owner, pipeline="app.ticking", name=f"c{number}", **values) for number in range(count)]
    )
    return list(Connection.unscoped.filter(tenant=owner).order_by("pk"))


def waiting(owner: Tenant, count: int = 1) -> list[Run]:
    """Queued runs nobody was told about, each of its own connection, oldest first."""
    rows = [
        Run(tenant=owner, connection=one, pipeline="app.ticking", kind=Run.Kind.UPLOAD)
        for one in connections(owner, count)
    ]
    Run.unscoped.bulk_create(rows)
    return list(Run.unscoped.filter(tenant=owner).order_by("pk"))


def woken_for(redis: Redis, tier: str = "free") -> list[int]:
    """Runs in the queue of `tier`, in the order in which workers take them."""
    jobs: list[bytes] = redis.lrange(f"rq:queue:ingestion-{tier}", 0, -1)  # type: ignore[assignment]
    return [int(job.decode().split("-")[1]) for job in jobs]


def end(run: Run) -> None:
    mine = claim(run.pk)
    assert mine is not None
    from ingestion.running import closing

    with_tenant = Run.unscoped.select_related("tenant", "connection").get(pk=run.pk)
    closing.fail(with_tenant, mine, ValueError("the end"))


@pytest.mark.slow
def test_a_tick_takes_every_tenants_first_due_connection_before_anybodys_second() -> None:
    greedy, quiet = tenant(), [tenant() for _ in range(3)]
    connections(greedy, 40, next_due=db_now_plus(-3600))
    for one in quiet:
        connections(one, 1, next_due=db_now_plus(-1))

    with configured(TICK_LIMIT=6):
        assert scheduling.tick().runs_made == 6

    assert all(Run.unscoped.filter(tenant=one).count() == 1 for one in quiet)
    assert Run.unscoped.filter(tenant=greedy).count() == 3


@pytest.mark.slow
def test_a_backlog_puts_no_more_hints_into_the_queue_than_the_tenant_may_start(redis: Redis) -> None:
    greedy, quiet = tenant("pro"), [tenant("pro") for _ in range(3)]
    mine = waiting(greedy, 50)
    others = [waiting(one)[0] for one in quiet]

    for _ in range(3):
        scheduling.tick()

    assert woken_for(redis, "pro")[:4] == sorted([mine[0].pk, *(run.pk for run in others)])
    assert sorted(woken_for(redis, "pro")) == sorted([*(run.pk for run in mine[:3]), *(run.pk for run in others)])


@pytest.mark.slow
def test_asking_for_a_thousand_runs_hints_at_no_more_than_the_budget_either(redis: Redis) -> None:
    greedy = tenant("pro")
    runs = [actions.run_now(OPERATOR, one) for one in connections(greedy, 20)]
    quiet = actions.run_now(OPERATOR, connections(tenant("pro"), 1)[0])

    assert woken_for(redis, "pro") == [*(run.pk for run in runs[:3]), quiet.pk]


def test_a_new_run_does_not_wait_behind_runs_of_connections_at_work(redis: Redis) -> None:
    owner = tenant("pro")
    first, second, idle = connections(owner, 3)
    for one in (first, second):
        actions.run_now(OPERATOR, one, wake=False)
        running = actions.run_now(OPERATOR, one, wake=False)
        assert claim(running.pk) is not None

    run = actions.run_now(OPERATOR, idle)

    assert woken_for(redis, "pro") == [run.pk]


def test_the_end_of_a_run_brings_in_its_tenants_next_one_behind_the_others(redis: Redis) -> None:
    greedy, quiet = tenant(), tenant()
    mine = waiting(greedy, 5)
    dispatch.wake_next(greedy)
    redis.flushall()  # a worker took it
    (other,) = waiting(quiet)
    dispatch.wake_next(quiet)

    end(mine[0])

    assert woken_for(redis) == [other.pk, mine[1].pk]


@pytest.mark.parametrize(("others", "told"), [(0, 8), (1, 4), (2, 3), (3, 3), (9, 3)])
@pytest.mark.slow
def test_one_tenants_runs_are_told_to_its_part_of_the_workers_only(redis: Redis, others: int, told: int) -> None:
    greedy = tenant("enterprise")
    waiting(greedy, 30)
    for _ in range(others):
        connections(tenant("enterprise"), 2)
    connections(tenant("enterprise"), 1, paused_at=db_now_plus(-1))
    connections(tenant("pro"), 1)
    tenant("enterprise")
    for number in range(8):
        redis.sadd(WORKERS_BY_QUEUE_KEY % "ingestion-enterprise", f"rq:worker:{number}")

    scheduling.tick()
    assert len(woken_for(redis, "enterprise")) == told
    redis.flushall()
    scheduling.tick()

    assert len(woken_for(redis, "enterprise")) == 10, "without workers the budget alone decides"


@pytest.mark.slow
def test_a_tick_asks_once_for_each_tier_how_many_workers_there_are(
    redis: Redis, django_assert_max_num_queries: Any
) -> None:
    redis.sadd(WORKERS_BY_QUEUE_KEY % "ingestion-enterprise", "rq:worker:1")
    few, many = tenant("enterprise"), [tenant("enterprise") for _ in range(20)]
    waiting(few, 1)
    with CaptureQueriesContext(database) as before:
        dispatch.startable(100)
    for one in many:
        waiting(one, 2)

    with django_assert_max_num_queries(len(before)):
        assert len(dispatch.startable(100)) == 21


@pytest.mark.slow
def test_a_great_backlog_of_a_high_tier_starves_no_low_one(redis: Redis) -> None:
    for _ in range(12):
        waiting(tenant("enterprise"), 12)
    low = waiting(tenant("free"))[0]
    due = connections(tenant("free"), 1, next_due=db_now_plus(-1))[0]

    with configured(TICK_LIMIT=3):  # 15 tenants are looked at by a tick, so all of them
        scheduling.tick()

    assert sorted(woken_for(redis)) == sorted([low.pk, Run.unscoped.get(connection=due).pk])


@pytest.mark.slow
def test_hints_that_come_to_nothing_keep_no_other_tenant_waiting_for_ever(redis: Redis) -> None:
    for _ in range(30):
        waiting(tenant("enterprise"))
    low = waiting(tenant("free"))[0]

    with configured(TICK_LIMIT=1):  # five of 31 tenants at a tick, by chance
        for _ in range(60):
            scheduling.tick()
            if low.pk in woken_for(redis):
                break

    assert woken_for(redis) == [low.pk]


def test_a_line_headed_by_many_runs_of_a_busy_connection_is_looked_through_to_its_end(redis: Redis) -> None:
    owner = tenant("pro")
    busy, idle = connections(owner, 2)
    rows = [Run(tenant=owner, connection=busy, pipeline="app.ticking", kind=Run.Kind.UPLOAD) for _ in range(80)]
    rows.append(Run(tenant=owner, connection=idle, pipeline="app.ticking", kind=Run.Kind.UPLOAD))
    Run.unscoped.bulk_create(rows)
    mine = list(Run.unscoped.filter(tenant=owner).order_by("pk"))
    assert claim(mine[0].pk) is not None

    dispatch.wake_next(owner)

    assert woken_for(redis, "pro") == [mine[-1].pk]


def test_a_paused_connections_runs_do_not_keep_the_others_of_its_tenant_from_their_turn(redis: Redis) -> None:
    owner = tenant("free")
    paused, other = waiting(owner, 2)
    Connection.unscoped.filter(pk=paused.connection_id).update(paused_at=read_db_now())

    scheduling.tick()
    assert woken_for(redis) == [other.pk]
    redis.flushall()
    late = actions.run_now(OPERATOR, Connection.unscoped.select_related("tenant").get(pk=other.connection_id))
    Run.unscoped.filter(pk=other.pk).update(state=Run.State.CANCELLED)
    dispatch.wake_next(owner)

    assert woken_for(redis) == [late.pk]


@pytest.mark.mariadb
def test_the_line_is_read_from_its_index_however_much_history_there_is() -> None:
    owner = tenant("pro")
    (connection,) = connections(owner, 1)
    done = Run(tenant=owner, connection=connection, pipeline="app.ticking", kind=Run.Kind.UPLOAD)
    done.state = Run.State.SUCCEEDED
    Run.unscoped.bulk_create([_copy(done) for _ in range(20_000)], batch_size=2000)
    waiting_run = Run.unscoped.create(tenant=owner, connection=connection, pipeline="app.ticking", kind="upload")
    with database.cursor() as cursor:
        cursor.execute("ANALYZE TABLE ingestion_run")
        cursor.fetchall()

    asked = str(
        dispatch._queued(owner.pk).exclude(connection_id__in=[0]).order_by("pk").values("pk")[:50].query
    ).replace("= queued", "= 'queued'")
    with database.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked)
        names = [column[0] for column in cursor.description]
        plan = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    (runs,) = [row for row in plan if row["table"] == "ingestion_run"]
    assert runs["key"] in ("ingestion_run_line", "ingestion_run_lease")
    assert int(runs["rows"]) < 200
    assert list(dispatch._queued(owner.pk).values_list("pk", flat=True)) == [waiting_run.pk]


def _copy(run: Run) -> Run:
    from uuid import uuid4

    values = {"tenant_id": run.tenant_id, "connection_id": run.connection_id, "pipeline": run.pipeline}
    return Run(**values, kind=run.kind, state=run.state, public_id=uuid4())


@pytest.mark.parametrize(("paused", "cancelled", "able"), [(0, 0, True), (1, 0, False), (0, 1, True), (1, 1, True)])
def test_a_run_is_told_of_exactly_when_a_claim_takes_it(
    redis: Redis, paused: bool, cancelled: bool, able: bool
) -> None:
    (run,) = waiting(new_tenant())
    Connection.unscoped.filter(pk=run.connection_id).update(paused_at=read_db_now() if paused else None)
    Run.unscoped.filter(pk=run.pk).update(cancel_requested=bool(cancelled))

    assert [one.pk for one in dispatch.startable(10)] == ([run.pk] if able else [])
    assert (claim(run.pk) is not None) is able
