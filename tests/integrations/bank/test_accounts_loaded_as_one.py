"""Accounts of one number that were loaded as one before bank and kind counted: whose entries go where."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from itertools import permutations

import pytest

from ingestion.core import registry
from ingestion.models import Connection
from ingestion.testing import registered
from integrations.bank.models import BankTransaction
from integrations.bank.source import BankFiles
from tests.databases import some
from tests.integrations.bank.test_accounts_named_in_part import MONTH, ofx
from tests.integrations.bank.test_accounts_of_one_number import as_before, bank, ledgers
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
TEN, TWENTY = [Decimal(-10)], [Decimal(-20)]
OLD = {"1": bank("1", "-10"), "2": bank("2", "-20", days="0102")}
NEWER = {"newer 1": bank("1", "-10", days="0103"), "newer 2": bank("2", "-20", days="0104")}


@pytest.mark.every_database
@pytest.mark.parametrize("order", some(permutations({**OLD, **NEWER}), on_sqlite=8), ids=", ".join)
@pytest.mark.slow
def test_newer_exports_and_the_files_of_that_time_part_the_accounts_in_any_order(order: tuple[str, ...]) -> None:
    where = connection()
    as_before(where, *OLD.values())

    for name in order:
        put(where, f"{name}.ofx", {**OLD, **NEWER}[name])

    assert ledgers(where) == {"1 checking": TEN, "2 checking": TWENTY}
    assert of_its_statements_account(where)


def of_its_statements_account(where: Connection) -> bool:
    rows = BankTransaction.objects.for_tenant(where.tenant).select_related("statement__account", "account")
    return all(row.account == row.statement.account for row in rows)


@pytest.mark.slow
def test_a_newer_export_says_what_may_be_stored_twice_and_the_file_of_that_time_that_it_went() -> None:
    where = connection()
    as_before(where, *OLD.values())

    newer = put(where, "newer.ofx", NEWER["newer 2"])
    old = put(where, "old.ofx", OLD["2"])
    again = put(where, "again.ofx", OLD["2"])

    assert "1 entry of the account 5550004 USD (2 checking) may be stored as the account 5550004 USD has them" in notes(
        newer
    )
    assert "1 entry of the account 5550004 USD, from when both were kept as one, went" in notes(old)
    assert "went" not in notes(again)


@pytest.mark.slow
def test_an_equal_statement_of_another_bank_takes_nothing_from_an_account_whose_own_file_came_again() -> None:
    where = connection()
    as_before(where, bank("1", "-10"))
    put(where, "1.ofx", bank("1", "-10"))

    put(where, "2.ofx", bank("2", "-10"))

    assert ledgers(where) == {"1 checking": TEN, "2 checking": TEN}
    assert of_its_statements_account(where)


@pytest.mark.slow
def test_a_newer_export_of_another_bank_takes_no_row_of_a_statement_that_is_not_its_own() -> None:
    where = connection()
    as_before(where, bank("1", "-10"))

    put(where, "2.ofx", bank("2", "-10", days="0102"))

    assert ledgers(where) == {"": TEN, "2 checking": TEN}


@pytest.mark.slow
def test_of_equal_statements_the_one_that_comes_first_is_taken_for_the_stored_one_and_the_run_says_so() -> None:
    """Nothing that was stored tells whose it was: the account of that time may hold the statements of both."""
    where = connection()
    as_before(where, bank("1", "-10"))

    run = put(where, "2.ofx", bank("2", "-10"))
    put(where, "1.ofx", bank("1", "-10"))

    assert "went to the account 5550004 USD (2 checking)" in notes(run)
    assert "load its file again" in notes(run)
    assert ledgers(where) == {"1 checking": TEN, "2 checking": TEN}


@pytest.mark.every_database
@pytest.mark.slow
def test_all_pages_of_a_statement_that_was_loaded_into_another_account_go_to_their_own() -> None:
    where = connection()
    entry = b"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105\n<TRNAMT>-20<FITID>A1<NAME>RENT</STMTTRN>"
    assert entry in OLD["2"]
    more = b"".join(entry.replace(b"A1", b"B%d" % at).replace(b"-20", b"-2%d" % at) for at in range(3))
    old = OLD["2"].replace(entry, entry + more)
    as_before(where, OLD["1"], old)

    pipeline = registry.get("bank.statements")
    with registered(dataclasses.replace(pipeline, source=BankFiles(page_size=1))):
        put(where, "2.ofx", old)
        put(where, "1.ofx", OLD["1"])

    assert ledgers(where) == {"1 checking": TEN, "2 checking": [Decimal(at) for at in (-22, -21, -20, -20)]}


@pytest.mark.parametrize(
    ("before", "newer"),
    [
        ({"kind": "CHECKING", "name": "First"}, {"bank": "1", "kind": "CHECKING", "name": "First"}),
        ({"bank": "1", "kind": "CHECKING"}, {"kind": "CHECKING"}),
        ({}, {"bank": "1", "kind": "CHECKING"}),
        ({"kind": "CHECKING"}, {"bank": "1"}),
    ],
    ids=str,
)
@pytest.mark.slow
def test_an_account_from_before_is_the_one_of_a_newer_export_that_says_more_or_less_of_it(
    before: dict[str, str], newer: dict[str, str]
) -> None:
    where = connection()
    as_before(where, ofx(**before))

    for at, data in enumerate((ofx(**newer, booked=MONTH[1:]), ofx(**newer), ofx(**before))):
        put(where, f"{at}.ofx", data)

    rows = BankTransaction.objects.for_tenant(where.tenant).active()
    assert sorted(rows.values_list("amount", flat=True)) == [-10, -3, -3, 25]
    assert len({row.account_id for row in rows}) == 1
