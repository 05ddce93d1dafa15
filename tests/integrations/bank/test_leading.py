"""Statements of one day that lead from one to another, however many these are."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from integrations.bank.leading import DayStatement, leads_by_balances, leads_by_numbers
from integrations.bank.models import BankStatement
from tests.calls import calls_of
from tests.integrations.bank.test_cuttings import DAY, Booked, mt940
from tests.integrations.bank.test_cuttings_within_days import cut
from tests.integrations.bank.test_overlap import active, put
from tests.integrations.bank.test_pipeline import connection


def leads(first: str, steps: Sequence[str], second: str, *, opening: int = 5) -> bool:
    """From one statement to another, all of which but the last have the balance 5."""
    balance = Decimal(5)
    ends = (BankStatement(number=first, closing=balance), BankStatement(number=second, opening=Decimal(opening)))
    return leads_by_numbers(*ends, [DayStatement(balance, balance, number) for number in steps])


@pytest.mark.parametrize(
    ("first", "steps", "second", "do"),
    [
        ("7", ["9", "8"], "10", True),
        ("7/1", ["00008/001"], "9", True),
        ("7", ["8", "8", "9"], "10", True),
        ("7", ["8", "10"], "11", False),
        ("7", ["8"], "8", False),
        ("10", ["8", "9"], "7", False),
        ("7", [], "8", False),
        ("7", ["x"], "8", False),
        ("", ["8"], "9", False),
        ("7", ["8"], "", False),
    ],
)
def test_statements_lead_by_numbers_where_each_follows_the_one_before(
    first: str, steps: list[str], second: str, *, do: bool
) -> None:
    assert leads(first, steps, second) is do


def test_numbers_lead_nowhere_beside_the_balances() -> None:
    assert not leads("7", ["8"], "9", opening=6)


@pytest.mark.parametrize(
    ("first", "step", "second", "do"),
    [
        ("90", "3", "2", False),
        ("4", "3", "90", False),
        ("90/1", "7/3", "7/2", False),
        ("7/2", "7/1", "90/1", False),
        ("90", "3", "4", True),
        ("0", "0", "0", True),
    ],
)
def test_a_statement_before_the_first_or_after_the_second_by_its_number_does_not_lead_from_one_to_the_other(
    first: str, step: str, second: str, *, do: bool
) -> None:
    low, high = Decimal(3), Decimal(4)
    ends = (BankStatement(number=number, opening=low, closing=high) for number in (first, second))

    assert leads_by_balances(*ends, [DayStatement(high, low, step)]) is do


def test_four_times_the_statements_are_four_times_the_work() -> None:
    few, many = (calls_of(partial(leads, "1", list(map(str, range(last, 1, -1))), str(last + 1))) for last in (40, 160))

    assert many <= 4.5 * few


@pytest.mark.django_db(transaction=True)
def test_the_statements_of_a_day_are_read_once_however_many_equal_entries_they_have() -> None:
    where, booked = connection(), [Booked(DAY, amount, "Tea", "") for amount in [1, -1] * 12]
    queries = []

    for at in range(0, len(booked), 2):
        with CaptureQueriesContext(database) as captured:
            put(where, "a.sta", mt940(cut(booked, at, at + 2, f"{at // 2 + 1}")))
        queries.append(len(captured))

    assert len(active(where)) == len(booked)
    assert queries[5:] == [queries[5]] * 7
