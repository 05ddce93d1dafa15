"""What docstrings say of cost, held at two sizes: counted work, never time.

Those of masking, of bank files and statements, of REST pages, of lists in the console and of reading ahead stand in
`vault/test_cost_of_redaction`, `integrations/bank/test_reading_cost` and `test_long_statements`,
`integrations/rest/test_declaration` and `test_large_pages`, `admin/test_queries`, and `test_reading_ahead`.
"""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingestion import Context, ErrorBudget, JsonPages, TenantRef, Upsert, actions, scheduling
from ingestion.database.clock import db_now_plus, read_db_now
from ingestion.models import Connection, DeadLetter, Run, Tenant
from ingestion.running import reasons
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.periods import Account, connected, loaded, noon, of, yesterday
from tests.ingestion.reconciling.checks import check
from tests.ingestion.runs import OPERATOR, carry, items, load, new_tenant, over, queued, replayed, rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

PLAIN = Upsert(Entry, key=["external_id"])


def statements(work: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)


def context_of(tenant: Tenant) -> Context:
    return Context(TenantRef(tenant.pk, tenant.key), "app.oracle", 0, read_db_now())


@pytest.mark.every_database
@pytest.mark.parametrize("again", [False, True], ids=["first load", "over stored rows"])
@pytest.mark.slow
def test_a_page_takes_the_same_statements_however_many_records_it_has(again: bool) -> None:
    """`Destination.stored`: one read-only query a batch."""

    def page(count: int) -> int:
        tenant = new_tenant()
        if again:
            load(over(items(count), destination=PLAIN), tenant)
        with registered(over(items(count, label="x"), page=count, destination=PLAIN)) as pipeline:
            run = queued(pipeline, tenant)
            asked = statements(lambda: carry(run))
        assert len(rows(tenant)) == count
        return asked

    assert page(900) == page(10)  # SQLite takes 990 keys in a query, the others 2,000


@pytest.mark.every_database
@pytest.mark.slow
def test_a_page_of_rejects_takes_the_same_statements_however_many_they_are() -> None:
    def page(count: int) -> int:
        tenant = new_tenant()
        with registered(over(items(count, amount="much"), page=count, error_budget=ErrorBudget(1))) as pipeline:
            run = queued(pipeline, tenant)
            return statements(lambda: carry(run))

    assert page(400) == page(10)


@pytest.mark.every_database
@pytest.mark.slow
def test_a_page_of_letters_is_replayed_in_the_same_statements_however_many_they_are() -> None:
    def page(count: int) -> int:
        tenant = new_tenant()

        def not_yet(counting: Any, ctx: Context) -> Any:
            raise AssertionError

        load(over(items(count), destination=PLAIN, transform=not_yet, error_budget=ErrorBudget(1)), tenant)
        asked = statements(lambda: replayed(tenant, over([], destination=PLAIN), limit=1000))
        assert not DeadLetter.objects.for_tenant(tenant).filter(status__in=DeadLetter.OPEN).exists()
        return asked

    assert page(400) == page(10)


@pytest.mark.every_database
def test_what_is_late_is_asked_in_few_queries_however_many_connections_there_are() -> None:
    """`scheduling.why_late`."""
    now = read_db_now()

    def asked(count: int) -> int:
        tenant = new_tenant()
        with registered(over([])) as pipeline:
            made = [actions.connect(OPERATOR, tenant, pipeline.name, f"c{number}") for number in range(count)]
        Connection.unscoped.filter(tenant=tenant).update(next_due=db_now_plus(-7200))
        for one in made[: count // 2]:
            Run.unscoped.create(tenant=tenant, connection=one, pipeline=one.pipeline, kind=Run.Kind.SCHEDULED)
        found = list(Connection.unscoped.filter(tenant=tenant).select_related("tenant"))
        number = statements(lambda: scheduling.why_late(found, now + timedelta(hours=1)))
        assert len(scheduling.why_late(found, now + timedelta(hours=1))) == count
        return number

    assert asked(40) == asked(4)


@pytest.mark.every_database
@pytest.mark.slow
def test_a_period_is_added_up_in_one_query_however_many_rows_it_has() -> None:
    """`Countable.figures`."""

    def asked(count: int) -> int:
        account = Account()
        for number in range(count):
            account.put(f"p{number}", "1.00", noon())
        with registered(of(account)) as pipeline:
            where = connected(pipeline)
            loaded(where)
            ctx = context_of(where.tenant)
            destination: Any = pipeline.destination
            day = yesterday()
            own = CaptureQueriesContext(connection)
            with own:
                (figure,) = destination.figures(_of(ctx, where), pipeline.periods, day).values()
        assert figure.count == count
        return len(own)

    assert (asked(3), asked(300)) == (1, 1)


def _of(ctx: Context, where: Connection) -> Context:
    return dataclasses.replace(ctx, pipeline=where.pipeline, connection=where.name)


@pytest.mark.every_database
@pytest.mark.slow
def test_a_check_that_matches_takes_the_same_statements_however_many_rows_there_are() -> None:
    def asked(count: int) -> int:
        account = Account()
        for number in range(count):
            account.put(f"p{number}", "1.00", noon())
        with registered(of(account)) as pipeline:
            where = connected(pipeline)
            loaded(where)
            return statements(lambda: check(where))

    assert asked(300) == asked(3)


@pytest.mark.slow
def test_reading_pages_takes_the_same_memory_however_many_they_are() -> None:
    """`JsonPages`: of the cursors that it had, one is kept."""

    def peak(pages: int) -> int:
        body = b'{"data":[' + b",".join([b'{"id":"a","text":"' + b"x" * 300 + b'"}'] * 100) + b"]}"
        source = JsonPages(lambda ctx, cursor: (body, number if (number := (cursor or 0) + 1) < pages else None))
        tracemalloc.start()
        for _ in source.extract(Context.__new__(Context), None):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(5)

    assert peak(400) <= peak(40) * 1.2


def test_the_reasons_of_a_run_take_the_same_room_however_many_a_transform_gives() -> None:
    """`running.reasons`: a transform that puts ids into its reasons must not make the run's row grow."""

    def room(count: int) -> int:
        totals: dict[str, int] = {}
        for number in range(count):
            totals = reasons.add(totals, {f"reason {number:06}": 1})
        assert sum(totals.values()) == count
        return len(str(totals))

    assert room(5000) <= room(500) * 1.05
