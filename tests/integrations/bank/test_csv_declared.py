"""What a layout can declare beyond columns: fees, marks, states, grouping of India, months of any language."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ingestion.core.errors import ConfigurationError
from integrations.bank.formats import csv_file
from integrations.bank.formats.csv_amount import parse_layout_amount
from integrations.bank.layouts import Columns, CsvLayout, layout_from_mapping
from integrations.bank.layouts.dates import parse_date
from integrations.bank.statements import EntryStatus, Statement
from tests.integrations.bank import plain_layout

PLAIN = replace(plain_layout.PLAIN, decimal=".", thousands=",")
FEES = replace(
    PLAIN,
    header=("Day", "Id", "Sum", "Fee", "Net", "State", "Balance"),
    columns=Columns(booked="Day", bank_id="Id", amount="Sum", fee="Fee", net="Net", status="State", balance="Balance"),
    booked=("DONE",),
    pending=("WAITING",),
    void=("REVERTED",),
)
FRENCH = (
    *("janvier janv", "février févr fév", "mars", "avril avr", "mai", "juin"),
    *("juillet juil", "août", "septembre sept", "octobre oct", "novembre nov", "décembre déc"),
)


def read(layout: CsvLayout, *rows: str) -> Statement:
    (statement,) = csv_file.read("\n".join((";".join(layout.header), *rows)).encode(), layout)
    return statement


def amounts(statement: Statement) -> list[str]:
    return [str(entry.amount) for entry in statement.entries]


def test_fee_is_an_entry_of_its_own_and_the_balance_follows_both() -> None:
    statements = read(FEES, "2024-01-01;a;-20.00;-0.20;-20.20;DONE;79.80", "2024-01-02;b;5.00;;5.00;DONE;84.80")

    assert amounts(statements) == ["-20.00", "-0.20", "5.00"]
    assert [(e.bank_id, e.kind) for e in statements.entries] == [("a", ""), ("a fee", "fee"), ("b", "")]
    assert statements.opening is not None
    assert statements.closing is not None
    assert (statements.opening.amount, statements.closing.amount, statements.problems) == (
        Decimal(100),
        Decimal("84.80"),
        (),
    )


def test_fee_without_a_sign_is_money_out_where_that_is_declared() -> None:
    unsigned = replace(FEES, unsigned_fees=True, columns=replace(FEES.columns, net=""))

    assert amounts(read(unsigned, "2024-01-01;a;10.00;0.10;;DONE;9.90")) == ["10.00", "-0.10"]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("2024-01-01;a;10.00;-0.10;9.80;DONE;", "10.00 and a fee of -0.10 do not make the net amount of 9.80"),
        ("2024-01-01;a;10.00;x;9.80;DONE;", "10.00 with a fee of x"),
        ("2024-01-01;a;10.00;;10.00;MAYBE;", "status 'MAYBE' is none that the layout knows"),
    ],
)
def test_amounts_that_do_not_tie_and_states_that_nobody_declared_are_no_entry(row: str, text: str) -> None:
    (entry,) = read(FEES, row).entries

    assert (entry.amount, entry.amount_text) == (None, text)


def test_pending_and_reverted_rows_stand_outside_of_the_running_balance() -> None:
    statements = read(
        FEES,
        "2024-01-01;a;-1.00;;-1.00;DONE;99.00",
        ";b;-50.00;;-50.00;WAITING;",
        ";c;-9.00;;-9.00;REVERTED;12.00",
        "2024-01-02;d;-2.00;;-2.00;DONE;97.00",
    )

    assert [e.status for e in statements.entries] == [
        *(EntryStatus.BOOKED, EntryStatus.PENDING, EntryStatus.VOID, EntryStatus.BOOKED)
    ]
    assert statements.opening is not None
    assert (statements.opening.amount, statements.problems) == (100, ())


def test_several_currencies_in_one_file_are_statements_with_balances_of_their_own() -> None:
    columns = Columns(booked="Day", amount="Sum", currency="Currency", balance="Balance")
    layout = replace(PLAIN, header=("Day", "Sum", "Currency", "Balance"), columns=columns)
    rows = ["2024-01-01;-1.00;EUR;9.00", "2024-01-01;-2.00;USD;8.00", "2024-01-02;-3.00;EUR;6.00"]

    statements = csv_file.read("\n".join((";".join(layout.header), *rows)).encode(), layout)

    assert [(s.account.currency, amounts(s), s.problems, s.opening and s.opening.amount) for s in statements] == [
        ("EUR", ["-1.00", "-3.00"], (), 10),
        ("USD", ["-2.00"], (), 10),
    ]


@pytest.mark.parametrize(
    ("debit", "credit", "amount"),
    [("-750.00", "", "-750.00"), ("", "2,100.00", "2100.00"), ("750.00", "", "None"), ("-1.00", "1.00", "None")],
)
def test_debits_with_a_sign_are_read_where_they_are_declared(debit: str, credit: str, amount: str) -> None:
    columns = Columns(booked="Day", debit="Text", credit="Sum")

    assert amounts(read(replace(PLAIN, columns=columns, signed_debits=True), f"2024-01-01;{debit};{credit}")) == [
        amount
    ]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("120.00 DR", "-120.00"),
        ("120.00Dr", "-120.00"),
        ("Cr 120.00", "120.00"),
        ("-120.00 DR", "-120.00"),
        ("-120.00 CR", None),
        ("120.00", "120.00"),
        ("-5.00", "-5.00"),
        ("120.00 XX", None),
    ],
)
def test_word_at_the_amount_says_its_sign(text: str, amount: str | None) -> None:
    layout = replace(PLAIN, debit_marks=("DR",), credit_marks=("CR", ""))

    assert parse_layout_amount(layout, text, "INR") == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1,23,456.78", "123456.78"),
        ("12,34,56,789.00", "123456789.00"),
        ("1,234.00", "1234.00"),
        ("123.45", "123.45"),
        ("123,456.00", None),
        ("1,2,345.00", None),
    ],
)
def test_groups_of_india_are_read_where_they_are_declared(text: str, amount: str | None) -> None:
    assert parse_layout_amount(replace(PLAIN, lakhs=True), text, "INR") == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("text", "currency", "decimal", "amount"),
    [
        ("12.500", "EUR", ".", None),
        ("12.500", "KWD", ".", "12.500"),
        ("12.500", "EUR", ",", "12500"),
        ("12.500", "KWD", ",", None),
        ("12,500", "JPY", ".", "12500"),
        ("12.500", "JPY", ".", None),
        ("12.5000", "CLF", ".", "12.5"),
        ("0.500", "EUR", ".", "0.5"),
        ("1,234.500", "EUR", ".", "1234.5"),
        ("1234.500", "EUR", ".", "1234.5"),
    ],
)
def test_three_digits_behind_the_only_mark_are_what_layout_and_currency_agree_on(
    text: str, currency: str, decimal: str, amount: str | None
) -> None:
    layout = replace(PLAIN, decimal=decimal, thousands="," if decimal == "." else ".")

    assert parse_layout_amount(layout, text, currency) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("3 févr. 2024", date(2024, 2, 3)),
        ("3 FÉVRIER 2024", date(2024, 2, 3)),
        ("3 août 2024", date(2024, 8, 3)),
        ("3 aou\u0302t 2024", date(2024, 8, 3)),
        ("3 juil 2024", date(2024, 7, 3)),
        ("3 jui 2024", None),
        ("3 may 2024", None),
    ],
)
def test_months_of_another_language_are_read_where_they_are_declared(text: str, day: date | None) -> None:
    assert parse_date(text, ("%-d %b %Y",), FRENCH) == day


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"months": ["jan"]}, "twelve names"),
        ({"months": ["jan"] * 12}, "more than once"),
        ({"lakhs": True, "thousands": ""}, "needs the mark"),
        ({"debit_marks": ["DR"]}, "come together"),
        ({"debit_marks": ["DR"], "credit_marks": ["dr"]}, "more than once"),
        ({"signed_debits": True}, "needs `columns.debit`"),
        ({"unsigned_fees": True}, "needs `columns.fee`"),
        ({"booked": ["DONE"]}, "need `columns.status`"),
        ({"columns": {"booked": "Day", "amount": "Sum", "net": "Text"}}, "needs `columns.fee`"),
    ],
)
def test_declaration_that_contradicts_itself_is_refused_with_the_key(change: dict[str, Any], message: str) -> None:
    raw: dict[str, Any] = {
        "name": "plain",
        "bank": "Plain Bank",
        "header": ["Day", "Text", "Sum"],
        "columns": {"booked": "Day", "amount": "Sum"},
        "decimal": ".",
        "thousands": ",",
    }

    with pytest.raises(ConfigurationError, match=message):
        layout_from_mapping({**raw, **change})


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "(.*)*", r"^(\S+) \1", "a*b*c*", "(?:a|b)+", "a?" * 11, "a|b|c|d|e|f", ".{0,9}.{0,9}.{0,9}"]
)
def test_pattern_that_could_take_long_is_refused_in_a_config(pattern: str) -> None:
    raw = {"name": "plain", "bank": "B", "header": ["Day", "Sum"], "columns": {"booked": "Day", "amount": "Sum"}}

    with pytest.raises(ConfigurationError, match="could take long"):
        layout_from_mapping({**raw, "footers": [pattern]}, trusted=False)
    assert layout_from_mapping({**raw, "footers": [pattern]}).footers == (pattern,)
