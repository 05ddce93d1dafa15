"""Statements of accounts that were loaded as one: who was told from the other keeps what is its own, once."""

from __future__ import annotations

import pytest

from integrations.bank.models import BankStatement
from tests.integrations.bank.test_accounts_loaded_as_one import NEWER, OLD, TEN, TWENTY, of_its_statements_account
from tests.integrations.bank.test_accounts_of_one_number import as_before, bank, ledgers
from tests.integrations.bank.test_overlap import notes, put
from tests.integrations.bank.test_pipeline import connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize("days", ["0101", "0103"], ids=["the same", "a newer one"])
def test_an_equal_statement_of_another_bank_leaves_the_account_its_statements_and_rows(days: str) -> None:
    where = connection()
    as_before(where, bank("1", "-10"))
    put(where, "1.ofx", bank("1", "-10", days=days))
    stored = BankStatement.objects.for_tenant(where.tenant).order_by("pk")
    before = list(stored.values_list("pk", "account_id"))

    run = put(where, "2.ofx", bank("2", "-10"))

    assert list(stored.values_list("pk", "account_id"))[: len(before)] == before
    assert ledgers(where) == {"1 checking": TEN, "2 checking": TEN}
    assert of_its_statements_account(where)
    assert notes(run) == ""


@pytest.mark.every_database
def test_an_entry_that_a_newer_export_loaded_anew_counts_once_when_the_file_of_that_time_comes_again() -> None:
    where = connection()
    as_before(where, *OLD.values())

    put(where, "newer.ofx", NEWER["newer 2"])
    put(where, "old.ofx", OLD["2"])

    assert ledgers(where) == {"": TEN, "2 checking": TWENTY}
