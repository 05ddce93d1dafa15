"""What a balance column leaves open is said: nothing is called proved that another amount would pass as well."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from integrations.bank.formats import csv_file, read_file
from integrations.bank.layouts import Columns, CsvLayout, Preamble
from integrations.bank.proofs import find_fault, list_proofs
from integrations.bank.statements import Statement

STATED = CsvLayout(
    name="stated",
    bank="Plain Bank",
    header=("Day", "Sum", "Balance"),
    columns=Columns(booked="Day", amount="Sum", balance="Balance"),
    date_formats=("%Y-%m-%d",),
    decimal=".",
    thousands=",",
    currency="EUR",
    preamble=Preamble(opening=r"^Before \| (.+)$", closing=r"^After \| (.+)$"),
)
FILTERED = b"Before;100.00\nAfter;%s\nDay;Sum;Balance\n2026-06-01;-5.00;95.00\n2026-06-02;-5.00;80.00\n"


def verdict(*rows: str) -> str:
    text = "\n".join(("Date,Description,Amount,Balance", *rows))
    (statement,) = read_file(text.encode(), currency="EUR")
    (proof,) = list_proofs("june.csv", statement)
    return "" if find_fault(statement) else proof.verdict


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["2026-06-10,A,-70.00,90.00"], "not checked: one row with a balance proves nothing"),
        (
            ["2026-06-10,A,-7000.00,90.00", "2026-06-11,B,-5.00,85.00"],
            (
                "not checked: the amount of the oldest row (2026-06-10), which only a stated opening balance proves; "
                "the other 1 row ties"
            ),
        ),
        (
            ["2026-06-10,A,-10.00,90.00", "2026-06-10,B,-700.00,90.00"],
            "not checked: 2 rows of the first day, 2026-06-10 (-10.00, -700.00), name one balance, 90.00",
        ),
        (
            ["2026-06-10,A,-10.00,90.00", "2026-06-10,A,-10.00,90.00", "2026-06-11,B,-1.00,89.00"],
            (
                "not checked: 2 rows of the first day, 2026-06-10 (-10.00, -10.00), name one balance, 90.00: with "
                "another amount, or one of them twice, it would tie as well; the other 1 row ties"
            ),
        ),
        (
            ["2026-06-10,A,-1.00,90.00", "2026-06-11,B,-1.00,88.00", "2026-06-11,C,-1.00,88.00"],
            "not checked: the amount of the oldest row",
        ),
    ],
)
def test_amounts_that_nothing_proves_are_named(rows: list[str], reason: str) -> None:
    assert verdict(*rows).startswith(reason)


def test_stated_opening_proves_the_oldest_row_too() -> None:
    text = b"Before;100.00\nDay;Sum;Balance\n2026-06-01;-5.00;95.00\n"

    (statement,) = csv_file.read(text, STATED)

    assert [proof.verdict for proof in list_proofs("june.csv", statement)] == ["balances proved"]


def unchecked(closing: bytes, layout: CsvLayout = STATED) -> Statement:
    ((statement,),) = csv_file.read_parts(FILTERED % closing, layout, balances_checked=False)
    return statement


def test_unchecked_running_balances_leave_the_stated_ones_to_be_checked() -> None:
    right, wrong = unchecked(b"90.00"), unchecked(b"80.00")

    assert right.opening is not None
    assert (right.opening.amount, right.unproved, find_fault(right)) == (Decimal(100), "", None)
    assert "a difference of 10.00" in str(find_fault(wrong))


def test_one_stated_balance_of_an_unchecked_file_is_kept_and_called_unchecked() -> None:
    statement = unchecked(b"90.00", replace(STATED, preamble=Preamble(closing=STATED.preamble.closing)))

    assert statement.closing is not None
    assert statement.opening is None
    assert statement.unproved == "the connection's config says balances=unchecked"
