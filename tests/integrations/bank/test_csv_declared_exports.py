"""Exports that no known layout reads, each loaded by a layout that a connection declares in its config."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import pytest

from ingestion import UnknownFormat
from integrations.bank.formats import read_file
from integrations.bank.layouts import LAYOUTS, layout_from_mapping
from integrations.bank.statements import EntryStatus, Statement

REVOLUT_BUSINESS = """\
Date started (UTC),Date completed (UTC),ID,Type,State,Description,Reference,Payer,Orig currency,Orig amount,\
Payment currency,Amount,Total amount,Exchange rate,Fee,Fee currency,Balance,Account,Beneficiary IBAN
2026-06-03,2026-06-03,c2,CARD_PAYMENT,COMPLETED,Paper,,Ada,EUR,20.00,EUR,-20.00,-20.20,,0.20,EUR,1179.80,Main,
2026-06-02,,p1,TRANSFER,PENDING,To Beta,INV 7,Ada,EUR,5.00,EUR,-5.00,-5.00,,0.00,EUR,,Main,DE02120300000000202051
2026-06-02,2026-06-02,t1,TOPUP,COMPLETED,Top-up,,,EUR,200.00,EUR,200.00,200.00,,0.00,EUR,1200.00,Main,
"""
REVOLUT_BUSINESS_LAYOUT: dict[str, Any] = {
    "name": "revolut-business",
    "bank": "Revolut Business",
    "delimiter": ",",
    "header": REVOLUT_BUSINESS.splitlines()[0].split(","),
    "columns": {
        "booked": "Date completed (UTC)",
        "bank_id": "ID",
        "kind": "Type",
        "status": "State",
        "pocket": "Account",
        "currency": "Payment currency",
        "amount": "Amount",
        "fee": "Fee",
        "net": "Total amount",
        "balance": "Balance",
        "reference": "Reference",
        "counterparty_account": "Beneficiary IBAN",
        "description": ["Description"],
    },
    "date_formats": ["%Y-%m-%d"],
    "decimal": ".",
    "thousands": "",
    "unsigned_fees": True,
    "booked": ["COMPLETED"],
    "pending": ["PENDING"],
    "void": ["REVERTED", "DECLINED", "FAILED"],
}
SHORT_YEARS = 'Date,Description,Amount\n06/03/26,Shop,-12.50\n06/14/26,Pay,"1,000.00"\n'
SHORT_YEARS_LAYOUT: dict[str, Any] = {
    "name": "month-first-short-years",
    "bank": "a bank in the United States",
    "delimiter": ",",
    "header": ["Date", "Description", "Amount"],
    "columns": {"booked": "Date", "amount": "Amount", "description": ["Description"]},
    "date_formats": ["%m/%d/%y"],
    "decimal": ".",
    "thousands": ",",
    "currency": "USD",
}
PAYPAL_COMMAS = """\
Date,Time,Name,Type,Status,Currency,Gross,Fee,Net,Transaction ID,Balance,Balance Impact
13/06/2026,10:00:00,Ada,Payment,Completed,EUR,"1.100,00","-3,20","1.096,80",A1,"1.096,80",Credit
14/06/2026,10:00:00,Order,Order,Pending,EUR,"-5,00","0,00","-5,00",A2,"1.096,80",Memo
15/06/2026,10:00:00,Shop,Payment,Completed,EUR,"-96,80","0,00","-96,80",A3,"1.000,00",Debit
"""


def paypal_with(**changes: object) -> dict[str, Any]:
    """The known layout as an object, with other keys."""
    (paypal,) = (asdict(layout) for layout in LAYOUTS if layout.name == "paypal-dmy")
    return {**paypal, "name": "paypal-commas", **changes}


def read(text: str, declared: dict[str, Any]) -> Statement:
    layout = layout_from_mapping(declared, trusted=False)
    (statement,) = read_file(text.encode(), layouts=(layout,), layout=layout.name)
    return statement


def booked(statement: Statement) -> list[tuple[date | None, str, str]]:
    return [(e.booked_on, str(e.amount), e.bank_id) for e in statement.entries if e.status is EntryStatus.BOOKED]


def test_an_export_of_revolut_business_has_fees_states_and_a_balance_that_follows() -> None:
    statement = read(REVOLUT_BUSINESS, REVOLUT_BUSINESS_LAYOUT)

    third, second = date(2026, 6, 3), date(2026, 6, 2)
    assert booked(statement) == [(third, "-20.00", "c2"), (third, "-0.20", "c2 fee"), (second, "200.00", "t1")]
    assert [e.bank_id for e in statement.entries if e.status is EntryStatus.PENDING] == ["p1"]
    assert (statement.account.currency, statement.problems) == ("EUR", ())
    assert statement.closing is not None
    assert str(statement.closing.amount) == "1179.80"


def test_an_altered_amount_of_revolut_business_is_noticed() -> None:
    altered = REVOLUT_BUSINESS.replace("-20.00,-20.20", "-30.00,-30.20")

    assert read(altered, REVOLUT_BUSINESS_LAYOUT).problems


def test_years_of_two_digits_are_read_where_they_are_declared_and_else_refused() -> None:
    with pytest.raises(UnknownFormat, match="but no row has an amount"):
        read_file(SHORT_YEARS.encode(), layouts=LAYOUTS)

    assert booked(read(SHORT_YEARS, SHORT_YEARS_LAYOUT)) == [
        (date(2026, 6, 3), "-12.50", ""),
        (date(2026, 6, 14), "1000.00", ""),
    ]


def test_decimal_commas_of_paypal_are_read_with_the_known_layout_and_other_marks() -> None:
    statement = read(PAYPAL_COMMAS, paypal_with(decimal=",", thousands="."))

    assert [(amount, name) for _, amount, name in booked(statement)] == [
        ("1100.00", "A1"),
        ("-3.20", "A1 fee"),
        ("-96.80", "A3"),
    ]
    assert statement.problems == ()
    assert statement.closing is not None
    assert str(statement.closing.amount) == "1000.00"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "Date,Description,Amount,Balance\n6/3/26,Shop,-12.50,87.50\n",
            "first-direct, us-date-description-amount-balance, date-description-amount-balance",
        ),
        (PAYPAL_COMMAS.replace("13/", "03/").replace("14/", "04/").replace("15/", "05/"), "paypal-dmy, paypal-mdy"),
    ],
)
def test_several_layouts_of_which_none_reads_a_row_are_no_choice_to_make(text: str, names: str) -> None:
    with pytest.raises(UnknownFormat, match=f"Its header is that of {names}, but no row has an amount"):
        read_file(text.encode(), layouts=LAYOUTS)
