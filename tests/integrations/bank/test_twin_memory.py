"""What a run remembers of the entries it has read, to tell twins: a few hundred bytes each, however many there are."""

from __future__ import annotations

import gc
import tracemalloc
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from integrations.bank.identity import key_entries
from integrations.bank.statements import Balance, Entry, Statement
from integrations.bank.twins import TwinCounter
from tests.integrations.bank.test_identity import statement


def booked(at: int, *, with_ids: bool) -> Entry:
    return Entry(
        position=at,
        amount=Decimal(at + 1) / 100,
        amount_text="",
        currency="EUR",
        booked_on=date(2024, 1, 1) + timedelta(days=at // 100),
        booked_text="",
        bank_id=f"id {at}" if with_ids else "",
        description=f"text {at}",
    )


def tied(first: int, count: int, *, with_ids: bool) -> Statement:
    entries = [booked(at, with_ids=with_ids) for at in range(first, first + count)]
    opening = Decimal(first)
    closing = opening + sum((entry.amount or Decimal() for entry in entries), Decimal())
    balances = {"opening": Balance(opening, "EUR", None), "closing": Balance(closing, "EUR", None)}
    return replace(statement(*entries, number=str(first)), **balances)


def remembered(count: int, size: int, *, with_ids: bool) -> float:
    """Bytes an entry of a run of so many, in statements of `size`, when the statements themselves are gone."""
    twins = TwinCounter()
    gc.collect()
    gc.freeze()  # all tests of this run would be looked at again below
    tracemalloc.start()
    try:
        for first in range(0, count, size):
            for _ in key_entries([tied(first, size, with_ids=with_ids)], twins=twins):
                pass
        del _
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()
        gc.unfreeze()


@pytest.mark.slow
@pytest.mark.parametrize("with_ids", [False, True])
@pytest.mark.parametrize("in_one", [True, False], ids=["one statement", "many statements"])
def test_an_entry_costs_half_a_kilobyte_in_a_run_of_any_size(with_ids: bool, in_one: bool) -> None:
    small = remembered(250, 250 if in_one else 50, with_ids=with_ids)
    large = remembered(2_500, 2_500 if in_one else 50, with_ids=with_ids)

    assert max(small, large) <= 600
    assert large <= 1.25 * small
