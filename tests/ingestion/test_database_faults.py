"""What databases really do to a batch: lock waits, deadlocks, connections killed half-way."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection

from ingestion.models import Run
from ingestion.running import Hooks
from ingestion.testing import registered
from tests.app.oracle import Effect, Entry
from tests.ingestion.chaos.processes import DyingAt
from tests.ingestion.runs import (
    carry,
    configured,
    counts,
    dead_letters,
    effects,
    finish,
    item,
    items,
    load,
    new_tenant,
    over,
    queued,
    rows,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

POINTS = ["advanced", "loaded", "before commit", "extracted", "prepared", "committed", "exhausted", "before close"]


@contextlib.contextmanager
def other_session() -> Iterator[Callable[[str], Any]]:
    """A second connection to the same database, for what somebody else does there."""
    other = connection.copy()
    other.inc_thread_sharing()
    other.connect()

    def run(sql: str, parameters: tuple[Any, ...] = ()) -> Any:
        with other.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    try:
        yield run
    finally:
        other.close()


def own_session_number() -> int:
    query = "SELECT CONNECTION_ID()" if connection.vendor == "mysql" else "SELECT pg_backend_pid()"
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])


def killed_at(point: str, nth: int, kill: str) -> Run:
    """A run whose connection the server ends at `point`, carried on as far as that takes."""
    with registered(over(items(9), page=3)) as pipeline, other_session() as elsewhere:
        run = queued(pipeline)
        carry(run, DyingAt(point, nth, then=lambda: elsewhere(kill % own_session_number())).hooks)
        finish(run)
    return run


def assert_nothing_lost_or_doubled(run: Run) -> None:
    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (9, 9, 0, 0))
    assert len(rows(run.tenant)) == 9
    assert effects(run) == sorted(rows(run.tenant))
    assert dead_letters(run.tenant) == []


@pytest.mark.mariadb
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_connection_killed_by_mariadb_costs_nothing(point: str, nth: int) -> None:
    assert_nothing_lost_or_doubled(killed_at(point, nth, "KILL %d"))


@pytest.mark.postgres
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("point", POINTS)
def test_a_connection_terminated_by_postgresql_costs_nothing(point: str, nth: int) -> None:
    assert_nothing_lost_or_doubled(killed_at(point, nth, "SELECT pg_terminate_backend(%d)"))


@pytest.mark.every_database
@pytest.mark.parametrize("nth", range(1, 4))
def test_a_connection_lost_while_a_refused_row_is_undone_fails_nothing(nth: int) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no server that could end a connection")
    given = [item(n) if n != 5 else item(5, amount="-1.00") for n in range(1, 10)]
    kill = "KILL %d" if connection.vendor == "mysql" else "SELECT pg_terminate_backend(%d)"
    refused: list[int] = []

    with registered(over(given, page=3)) as pipeline, other_session() as elsewhere:
        run = queued(pipeline)

        def lose(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
            try:
                return execute(sql, params, many, context)
            except DatabaseError:
                refused.append(1)
                if len(refused) == nth:
                    elsewhere(kill % own)
                raise

        own = own_session_number()
        with connection.execute_wrapper(lose):
            carry(run)
        finish(run)

    assert len(refused) >= nth, "the connection was never lost"
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (9, 8, 0, 1))
    assert [(one.source_id, one.times_seen) for one in dead_letters(run.tenant)] == [("rec_0005", 1)]
    assert effects(run) == sorted(rows(run.tenant))


@pytest.fixture
def impatient() -> Iterator[None]:
    """A database session that waits one second for a lock, not fifty."""
    options = connection.settings_dict["OPTIONS"]
    before = dict(options)
    options["init_command"] = "SET SESSION innodb_lock_wait_timeout = 1"
    connection.close()
    yield
    connection.close()
    options.clear()
    options.update(before)


@pytest.mark.mariadb
def test_a_lock_wait_timeout_rolls_the_whole_batch_back_and_tries_it_again(impatient: None) -> None:
    tenant = new_tenant()
    load(over(items(6)), tenant)
    changed = over(items(6, label="new"), page=6)

    with registered(changed), other_session() as elsewhere:
        run = queued(changed, tenant)
        held = Entry.objects.for_tenant(tenant).get(external_id="rec_0004").pk
        elsewhere("BEGIN")
        elsewhere("SELECT * FROM app_entry WHERE id = %s FOR UPDATE", (held,))
        seen: list[tuple[int, int]] = []

        def waited(seconds: float) -> None:
            partial = Entry.objects.for_tenant(tenant).filter(label="new").count()
            seen.append((partial, Effect.objects.filter(run=run.pk).count()))
            if len(seen) == 2:
                elsewhere("ROLLBACK")

        carry(run, Hooks(sleep=waited))

    assert seen == [(0, 0), (0, 0)], "MariaDB keeps the work done before error 1205 unless it is rolled back"
    assert (run.state, counts(run), run.attempts) == (Run.State.SUCCEEDED, (6, 6, 0, 0), 0)
    assert Entry.objects.for_tenant(tenant).filter(label="new").count() == 6


@pytest.mark.mariadb
def test_a_lock_that_is_never_freed_queues_the_run_and_leaves_no_partial_batch(impatient: None) -> None:
    tenant = new_tenant()
    load(over(items(6)), tenant)
    changed = over(items(6, label="new"), page=6)

    with registered(changed), other_session() as elsewhere, configured(BATCH_TRIES=2):
        run = queued(changed, tenant)
        elsewhere("BEGIN")
        elsewhere("SELECT * FROM app_entry WHERE tenant_id = %s FOR UPDATE", (tenant.pk,))
        carry(run)

    assert (run.state, run.error_class, counts(run)) == (Run.State.QUEUED, "DestinationUnavailable", (0, 0, 0, 0))
    assert Entry.objects.for_tenant(tenant).filter(label="new").count() == 0
    assert dead_letters(tenant) == []


@pytest.mark.mariadb
@pytest.mark.parametrize("attempt", range(3))
def test_the_victim_of_a_deadlock_takes_its_batch_again(attempt: int, impatient: None) -> None:
    tenant = new_tenant()
    load(over(items(4)), tenant)
    first, last = (Entry.objects.for_tenant(tenant).get(external_id=f"rec_000{n}").pk for n in (1, 4))
    changed = over(items(4, label="new"), page=4)
    retried: list[float] = []

    with registered(changed), other_session() as elsewhere:
        run = queued(changed, tenant)
        elsewhere("BEGIN")
        # The session that changed fewer rows is the victim: let this one change many.
        elsewhere("INSERT INTO app_effect (`key`, run) SELECT seq, 0 FROM seq_1_to_500")
        elsewhere("UPDATE app_entry SET label = 'held' WHERE id = %s", (last,))

        def cross() -> None:
            try:
                elsewhere("UPDATE app_entry SET label = 'held' WHERE id = %s", (first,))
            finally:
                elsewhere("ROLLBACK")

        other = threading.Timer(0.3, cross)
        other.start()
        carry(run, Hooks(sleep=retried.append))
        other.join()

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (4, 4, 0, 0))
    assert Entry.objects.for_tenant(tenant).filter(label="new").count() == 4
    assert effects(run) == sorted(rows(tenant))
    assert len(retried) == 1, "there was no deadlock"


@pytest.mark.mariadb
def test_a_statement_too_large_for_the_server_is_not_sent() -> None:
    given = [{**one, "label": "é" * 50} for one in items(2000)]

    run = load(over(given, page=2000))

    assert counts(run) == (2000, 2000, 0, 0)


@pytest.mark.every_database
def test_a_database_that_is_gone_leaves_the_run_under_its_lease() -> None:
    class Gone(Exception):
        pass

    with registered(over(items(4), page=2)) as pipeline:
        run = queued(pipeline)

        def refuse(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
            raise OperationalError(2002, "Can't connect to the server")

        def vanish() -> None:
            wrapper.__enter__()

        wrapper = connection.execute_wrapper(refuse)
        try:
            with pytest.raises(OperationalError):
                carry(run, DyingAt("committed", 1, then=vanish).hooks)
        finally:
            wrapper.__exit__(None, None, None)
        run.refresh_from_db()
        assert (run.state, counts(run)) == (Run.State.RUNNING, (2, 2, 0, 0))
        finish(run)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (4, 4, 0, 0))
