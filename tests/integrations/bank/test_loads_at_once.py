"""Two connections that load into one account at the same time: the second one sees all that the first one wrote."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import date
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from ingestion.actions import Actor, connect, upload
from ingestion.models import Connection, Run, Tenant
from ingestion.running import execute
from integrations.bank.models import BankAccount
from tests.integrations.bank.test_account_spelling import IBAN, as_before, spelled
from tests.integrations.bank.test_accounts_named_in_part import amounts, expected, ofx
from tests.integrations.bank.test_cuttings import Booked, Cutting, mt940
from tests.integrations.bank.test_overlap import active
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]
DAY = date(2026, 6, 1)
COFFEE, REFUND = Booked(DAY, -3, "Coffee", ""), Booked(DAY, 3, "Refund", "")


def two_connections() -> tuple[Connection, Connection]:
    """Of one tenant, whose tier may run two at a time."""
    first = connection()
    Tenant.objects.filter(pk=first.tenant_id).update(tier="enterprise")
    return first, connect(Actor(), first.tenant, "bank.statements", name="other")


def queued(where: Connection, name: str, cutting: Cutting | bytes) -> int:
    data = cutting if isinstance(cutting, bytes) else mt940(cutting)
    return upload(Actor(), where, name, data, config={}, again=True).run.pk


def rows_of(account: str) -> bytes:
    """An export of which every row can be read."""
    return b"".join(row for row in spelled(account).splitlines(keepends=True) if b"Terug" not in row)


def at_once(first: int, second: int, *, after: str) -> None:
    """Execute both runs; the second one starts to load when the first one has asked what has `after` in it.

    The first one does not commit before the second one is over, or has waited for the first one's lock, as it should.
    """
    has_asked, over = Event(), Event()

    def linger(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        answer = execute(sql, *rest)
        if after in sql.replace("`", '"') and not has_asked.is_set():
            has_asked.set()
            over.wait(2)
        return answer

    def run_first() -> None:
        with closing(database), database.execute_wrapper(linger):
            execute(first)

    def run_second() -> None:
        with closing(database):
            assert has_asked.wait(60)
            execute(second)
            over.set()

    threads = [Thread(target=run) for run in (run_first, run_second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert has_asked.is_set()
    assert set(Run.unscoped.filter(pk__in=(first, second)).values_list("state", flat=True)) == {Run.State.SUCCEEDED}


@pytest.mark.slow
@pytest.mark.parametrize("is_new", [False, True])
def test_two_statements_that_book_the_same_on_one_day_keep_both(is_new: bool) -> None:
    first_connection, second_connection = two_connections()
    if not is_new:
        load(first_connection, "may.sta", mt940(Cutting("6/1", 100, [COFFEE._replace(day=date(2026, 5, 1))], DAY, DAY)))
    before = len(active(first_connection))

    at_once(
        queued(first_connection, "a", Cutting("7/1", 100, [COFFEE], DAY, DAY)),
        queued(second_connection, "b", Cutting("7/2", 97, [COFFEE], DAY, DAY)),
        after='INTO "bank_banktransaction"',
    )

    assert active(first_connection)[before:] == [("2026-06-01", Decimal(-3))] * 2


@pytest.mark.slow
def test_a_statement_that_shows_two_entries_to_be_two_parts_them_whichever_loads_meanwhile() -> None:
    first_connection, second_connection = two_connections()
    load(first_connection, "first.sta", mt940(Cutting("1", 100, [COFFEE], DAY, DAY)))

    at_once(
        queued(first_connection, "b", Cutting("2", 97, [REFUND], DAY, DAY)),
        queued(second_connection, "c", Cutting("3", 100, [COFFEE], DAY, DAY)),
        after='FROM "bank_banksighting"',
    )

    assert active(first_connection) == [
        ("2026-06-01", Decimal(-3)),
        ("2026-06-01", Decimal(-3)),
        ("2026-06-01", Decimal(3)),
    ]


@pytest.mark.slow
def test_two_loads_of_an_account_that_is_spelled_anew_keep_its_rows_once() -> None:
    first_connection, second_connection = two_connections()
    written = rows_of(f"{IBAN}/EUR")
    load(first_connection, "a.csv", written)
    as_before(first_connection, f"{IBAN}/EUR")
    before = active(first_connection)

    at_once(
        queued(first_connection, "a.csv", written),
        queued(second_connection, "b.csv", written),
        after='UPDATE "bank_bankaccount"',
    )

    assert active(first_connection) == before
    assert BankAccount.objects.for_tenant(first_connection.tenant).get().identifier == IBAN


@pytest.mark.parametrize("after", ['FROM "bank_bankaccount"', 'INTO "bank_bankaccount"'])
@pytest.mark.slow
def test_two_loads_of_one_account_with_and_without_its_bank_make_one_account(after: str) -> None:
    first_connection, second_connection = two_connections()

    at_once(
        queued(first_connection, "a.ofx", ofx(bank="1", kind="CHECKING")),
        queued(second_connection, "b.ofx", ofx(kind="CHECKING")),
        after=after,
    )

    assert amounts(first_connection) == expected("1 checking")


@pytest.mark.slow
def test_the_accounts_of_a_batch_are_locked_before_anything_else_is_asked_of_them() -> None:
    where = connection()
    load(where, "a.csv", rows_of(f"{IBAN}/EUR"))
    as_before(where, f"{IBAN}/EUR")
    run = queued(where, "b.csv", rows_of(f"{IBAN}/EUR"))

    with CaptureQueriesContext(database) as queries:
        execute(run)

    of_accounts = [query["sql"] for query in queries if "bank_bankaccount" in query["sql"]]
    locks = "FOR UPDATE" if database.features.has_select_for_update else "SELECT"
    assert locks in of_accounts[0]
    assert any(sql.startswith("UPDATE") for sql in of_accounts)
