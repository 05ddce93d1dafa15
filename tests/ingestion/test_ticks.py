"""The tick: due connections become runs once, lost hints are sent again, nobody's trouble stops the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from redis import Redis

from ingestion import Every, Place, actions, queueing, scheduling
from ingestion.database.clock import db_now_plus
from ingestion.models import Connection, Run
from ingestion.testing import registered
from tests.app.oracle import ticking
from tests.ingestion.chaos.processes import DyingAt, in_child
from tests.ingestion.commands.shell import ingest
from tests.ingestion.runs import OPERATOR, carry, configured, items, new_tenant, over, queued

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.fixture(autouse=True)
def nothing_else_due(committed: None) -> Iterator[None]:
    Connection.unscoped.update(next_due=None)
    Run.unscoped.filter(state__in=Run.ACTIVE).update(state=Run.State.CANCELLED, active_key=None)
    return


def due_connection(seconds_ago: float = 1, pipeline: str = "app.ticking") -> Connection:
    connection = actions.connect(OPERATOR, new_tenant(), pipeline)
    Connection.unscoped.filter(pk=connection.pk).update(
        next_due=db_now_plus(-seconds_ago), config={"records": 1, "page": 1}
    )
    connection.refresh_from_db()
    return connection


def runs_of(connection: Connection) -> list[Run]:
    return list(Run.unscoped.filter(connection=connection).order_by("pk"))


def hints(redis: Redis) -> list[str]:
    jobs: list[bytes] = redis.lrange("rq:queue:ingestion-free", 0, -1)  # type: ignore[assignment]
    return [job.decode() for job in jobs]


def test_a_due_connection_becomes_one_run_however_often_the_tick_runs() -> None:
    connection = due_connection()

    made = [scheduling.tick().made for _ in range(3)]

    assert made == [1, 0, 0]
    (run,) = runs_of(connection)
    assert (run.kind, run.state) == (Run.Kind.SCHEDULED, Run.State.QUEUED)


def test_missed_periods_become_one_run_and_the_phase_is_kept() -> None:
    connection = due_connection(seconds_ago=61)
    due = connection.next_due
    assert due is not None

    scheduling.tick()

    (run,) = runs_of(connection)
    connection.refresh_from_db()
    assert connection.next_due is not None
    assert run.window_end is not None
    assert connection.next_due > run.window_end
    assert (connection.next_due - datetime(1970, 1, 1, tzinfo=UTC)) % timedelta(seconds=2) == timedelta(0)
    assert run.due_key == f"{connection.pk}:{due.isoformat()}"


@pytest.mark.slow
def test_a_connection_still_at_work_is_not_queued_again_and_loses_no_turn() -> None:
    connection = due_connection()
    scheduling.tick()
    Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(-1))

    assert scheduling.tick().made == 0
    carry(runs_of(connection)[0])

    assert scheduling.tick().made == 1
    assert len(runs_of(connection)) == 2


def test_a_paused_connection_makes_no_run_and_resumes_with_one() -> None:
    connection = due_connection()
    actions.pause(OPERATOR, connection, "repairs")

    assert scheduling.tick().made == 0
    actions.resume(OPERATOR, connection)

    assert scheduling.tick().made == 1


def test_a_lost_hint_is_sent_again(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)

        scheduling.tick()
        redis.flushall()
        scheduling.tick()

    assert hints(redis) == [f"run-{run.pk}-0"]


def test_a_waiting_hint_is_not_sent_twice(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)

        for _ in range(3):
            scheduling.tick()

    assert hints(redis) == [f"run-{run.pk}-0"]


def test_a_tick_without_redis_says_that_no_worker_was_told() -> None:
    with registered(over(items(1))) as pipeline:
        queued(pipeline)
        queueing.absence.note(TimeoutError())
        try:
            ticked, said = scheduling.tick(), ingest("tick")
        finally:
            queueing.absence.over()

    assert (ticked.woken, ticked.unsent) == (0, 1)
    assert "no worker was told of these runs" in said.out


@pytest.mark.slow
def test_a_run_left_by_a_dead_worker_is_hinted_only_after_its_lease(redis: Redis) -> None:
    with registered(over(items(4), page=2)) as pipeline:
        run = queued(pipeline)
        in_child(lambda: carry(run, DyingAt("committed").hooks))

        scheduling.tick()
        assert hints(redis) == []
        Run.unscoped.filter(pk=run.pk).update(lease_until=db_now_plus(-1))
        scheduling.tick()

    assert hints(redis) == [f"run-{run.pk}-1"]


def test_a_run_whose_next_attempt_is_not_due_is_left_alone(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        Run.unscoped.filter(pk=run.pk).update(not_before=db_now_plus(60))

        scheduling.tick()

    assert hints(redis) == []


@pytest.mark.slow
def test_a_thousand_queued_runs_of_one_connection_keep_no_other_from_being_hinted(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline, configured(TICK_LIMIT=2):
        greedy, modest = new_tenant(), new_tenant()
        many = [queued(pipeline, greedy) for _ in range(30)]
        one = queued(pipeline, modest)

        scheduling.tick()

    assert sorted(hints(redis)) == sorted([f"run-{many[0].pk}-0", f"run-{one.pk}-0"])


def test_connections_of_a_removed_pipeline_keep_no_other_from_its_turn() -> None:
    with configured(TICK_LIMIT=2):
        for _ in range(3):
            gone = due_connection(seconds_ago=60)
            Connection.unscoped.filter(pk=gone.pk).update(pipeline="shop.removed")
        connection = due_connection()

        scheduling.tick()

    assert len(runs_of(connection)) == 1


def test_a_schedule_that_raises_keeps_no_other_connection_from_its_turn() -> None:
    class Broken(Every):
        def after(self, moment: datetime, place: Place) -> datetime:
            raise ZeroDivisionError

    broken = dataclasses.replace(ticking, schedule=Broken(seconds=1), name="app.broken")
    with registered(broken):
        first = due_connection(seconds_ago=60, pipeline="app.broken")
        second = due_connection()

        scheduling.tick()

    assert (len(runs_of(first)), len(runs_of(second))) == (0, 1)


@pytest.mark.slow
def test_an_instant_set_back_by_hand_stops_nobody_and_is_not_run_again() -> None:
    connection = due_connection(seconds_ago=30)
    due = connection.next_due
    scheduling.tick()
    carry(runs_of(connection)[0])
    Connection.unscoped.filter(pk=connection.pk).update(next_due=due)
    other = due_connection()

    scheduling.tick()
    scheduling.tick()

    assert due is not None
    keys = [str(run.due_key) for run in runs_of(connection)]  # a later instant may have come meanwhile
    assert [key.endswith(due.isoformat()) for key in keys].count(True) == 1
    assert runs_of(other) != []
    connection.refresh_from_db()
    assert connection.next_due is not None
    assert connection.next_due > due


def test_the_end_of_a_run_hints_the_next_one_of_its_connection(redis: Redis) -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        first, second = queued(pipeline, tenant), queued(pipeline, tenant)

        carry(first)

    assert hints(redis) == [f"run-{second.pk}-0"]


@pytest.mark.slow
def test_a_tick_asks_few_questions_of_the_database() -> None:
    for _ in range(5):
        carry_all = due_connection()
        scheduling.tick()
        for run in runs_of(carry_all):
            carry(run)
        Connection.unscoped.update(next_due=None)  # or it is due again before the others are made, on a slow machine
    statements: list[Any] = []

    def count(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    with database.execute_wrapper(count):
        scheduling.tick()

    # Due, forgotten, expiring and unreconciled things, waiting runs and backfills: a few statements each, however many;
    # one more where runs wait.
    assert len(statements) <= 14, "\n".join(map(str, statements))
