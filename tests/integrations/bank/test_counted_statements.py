"""What loading a bank file asks of the database, at two sizes: by statement and by account, and never by entry."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from ingestion.models import Run
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def file(statements: int, accounts: int, entries: int) -> bytes:
    """MT940 statements, each of another day, over so many accounts in turn."""
    parts = []
    for number in range(statements):
        day = f"26{number // 28 + 1:02}{number % 28 + 1:02}"
        lines = [f":20:R{number}", f":25:20010020/{77_000_000 + 1111 * (number % accounts)}", f":28C:{number + 1}/1"]
        lines += [f":60F:C{day}EUR0,00"]
        lines += [f":61:{day}C1,00NTRFNONREF//Q{number}-{at}" for at in range(entries)]
        parts += [*lines, f":62F:C{day}EUR{entries},00", "-"]
    return "\r\n".join([*parts, ""]).encode()


def queries_of(statements: int, *, accounts: int = 1, entries: int = 1) -> list[str]:
    where = connection(f"s{statements}a{accounts}e{entries}")
    with CaptureQueriesContext(database) as queries:
        run = load(where, "first.sta", file(statements, accounts, entries))
    assert (run.state, run.ok) == (Run.State.SUCCEEDED, statements * entries)
    return [query["sql"].replace("`", '"') for query in queries]


@pytest.mark.slow
def test_ten_statements_more_ask_ten_times_what_one_more_asks() -> None:
    for_one, for_two, for_twelve = len(queries_of(1)), len(queries_of(2)), len(queries_of(12))

    assert for_twelve - for_two <= 10 * (for_two - for_one)


@pytest.mark.slow
def test_a_statement_asks_the_same_however_long_it_is() -> None:
    assert len(queries_of(2, entries=200)) <= len(queries_of(2, entries=10))


@pytest.mark.slow
def test_new_accounts_are_held_against_the_others_in_one_query_a_page() -> None:
    def compared(accounts: int) -> int:
        return sum('FROM "bank_bankaccount"' in sql and "LIMIT 1000" in sql for sql in queries_of(8, accounts=accounts))

    assert (compared(1), compared(8)) == (1, 8)  # a page holds one statement
