"""Headers that many banks share say nothing of the currency, and allow no column beside them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from ingestion import UnknownFormat
from ingestion.models import Connection, Run
from integrations.bank.formats import read_file
from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_pipeline import connection, load

pytestmark = pytest.mark.django_db(transaction=True)

DAY_FIRST = b"Date,Description,Amount,Balance\n28/02/2024,Tea,-5.00,95.00\n27/02/2024,Rent,-10.00,100.00\n"
MONTH_FIRST = DAY_FIRST.replace(b"28/02", b"2/28").replace(b"27/02", b"2/27")
WITHOUT_BALANCE = b"Date,Description,Amount\n28/02/2024,Tea,-5.00\n27/02/2024,Rent,-10.00\n"


def configure(where: Connection, **config: str) -> Connection:
    where.config = {"account": "77", **config}
    where.save()
    return where


def ledger(where: Connection) -> list[tuple[str, str, str]]:
    rows = BankTransaction.objects.for_tenant(where.tenant).filter(withdrawn="").select_related("account")
    return sorted((row.account.currency, row.currency, f"{row.amount:.2f}") for row in rows)


@pytest.mark.parametrize("data", [DAY_FIRST, MONTH_FIRST], ids=["day first", "month first"])
def test_the_settings_currency_is_that_of_a_header_that_names_none(data: bytes) -> None:
    where = configure(connection(), currency="EUR")

    run = load(where, "june.csv", data)

    assert run.state == Run.State.SUCCEEDED
    assert ledger(where) == [("EUR", "EUR", "-10.00"), ("EUR", "EUR", "-5.00")]


def test_a_file_that_says_neither_account_nor_currency_asks_for_both_at_once() -> None:
    run = load(connection(), "june.csv", DAY_FIRST)

    assert "--config account=NUMBER --config currency=EUR" in run.error_message


@pytest.mark.parametrize("data", [DAY_FIRST, MONTH_FIRST], ids=["day first", "month first"])
def test_without_a_setting_the_run_asks_for_the_currency(data: bytes) -> None:
    where = configure(connection())

    run = load(where, "june.csv", data)

    assert run.state == Run.State.FAILED
    assert "does not say which currency" in run.error_message
    assert ledger(where) == []


@pytest.mark.parametrize(
    ("config", "currency"),
    [
        ({"layout": "first-direct"}, "GBP"),
        ({"layout": "first-direct", "currency": "EUR"}, "EUR"),
        ({"dates": "dmy", "currency": "CAD"}, "CAD"),
    ],
    ids=["layout", "layout and currency", "dates and currency"],
)
def test_a_layout_that_is_named_names_the_bank_and_its_currency_unless_a_currency_is_set(
    config: dict[str, Any], currency: str
) -> None:
    where = configure(connection(), **config)

    load(where, "june.csv", DAY_FIRST)

    assert {row[0] for row in ledger(where)} == {currency}


@pytest.mark.every_database
@pytest.mark.parametrize("order", list(permutations((DAY_FIRST, WITHOUT_BALANCE))), ids=["balance first", "last"])
@pytest.mark.slow
def test_an_export_with_balances_and_one_without_are_of_one_account(order: tuple[bytes, bytes]) -> None:
    where = configure(connection(), currency="EUR")

    for number, data in enumerate(order):
        load(where, f"{number}.csv", data)

    assert ledger(where) == [("EUR", "EUR", "-10.00"), ("EUR", "EUR", "-5.00")]


@pytest.mark.parametrize(
    ("column", "cell"),
    [("Account", "1"), ("Currency", "EUR"), ("Type", "DR"), ("Status", "Pending"), ("Fee", "1.00")],
)
@pytest.mark.parametrize("data", [DAY_FIRST, MONTH_FIRST], ids=["day first", "month first"])
def test_a_further_column_may_be_a_sign_a_fee_or_a_currency_and_is_refused_by_name(
    data: bytes, column: str, cell: str
) -> None:
    header, *rows = data.decode().splitlines()
    wider = "\n".join([f"{header},{column}", *(f"{row},{cell}" for row in rows)])

    with pytest.raises(UnknownFormat, match=column):
        read_file(wider.encode())
