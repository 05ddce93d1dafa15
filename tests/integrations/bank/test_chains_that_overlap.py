"""Statements of one file that overlap with those before the one they follow: each entry is stored once.

A statement that opens with what another closes with continues that one alone. The one before it in the file may show
the same entries.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from tests.databases import some
from tests.integrations.bank.test_cuttings import DAY, FORMATS, Booked
from tests.integrations.bank.test_cuttings_within_days import cut, loaded, true

pytestmark = pytest.mark.django_db(transaction=True)
SPANS = {"C": (2, 3), "A": (0, 1), "BC": (1, 3), "B": (1, 2)}
HISTORIES = {
    "all different": [(-5, "Tea"), (-7, "Coffee"), (-9, "Cake")],
    "twins at both ends": [(-9, "Cake"), (-7, "Coffee"), (-9, "Cake")],
    "all alike": [(-9, "Cake")] * 3,
}


@pytest.mark.slow
@pytest.mark.parametrize("history", HISTORIES)
def test_what_continues_one_statement_and_overlaps_with_another_one_is_stored_once(history: str) -> None:
    booked = [Booked(DAY, *look, "") for look in HISTORIES[history]]
    orders = [order for order in permutations(SPANS, 3) if set("".join(order)) == set("ABC")]

    for at, order in enumerate(some(orders, on_sqlite=len(orders) // 2)):
        file = b"".join(FORMATS["mt940"][0](cut(booked, *SPANS[name], "0")) for name in order)

        assert loaded(f"{history[:9].replace(' ', '-')}-{at}", [file]) == true(booked), order


@pytest.mark.slow
def test_the_next_page_of_a_statement_counts_on_beside_statements_of_the_same_day() -> None:
    booked = [Booked(DAY, -9, "Cake", "")] * 4
    parts = [cut(booked, 3, 4, "0"), cut(booked, 0, 1, "7/1"), cut(booked, 1, 3, "7/2")]

    rows = loaded("pages", [b"".join(FORMATS["mt940"][0](part) for part in parts)])

    assert rows == true(booked)
    assert sum(rows.values()) == 4
    assert {amount for _, amount, _ in rows} == {Decimal(-9)}
