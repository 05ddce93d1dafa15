"""CSV exports that list days one way and the rows within a day the other, cut within days, as "the last 50 rows" are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate, groupby

import pytest

from integrations.bank.models import BankTransaction
from tests.integrations.bank.test_overlap import put
from tests.integrations.bank.test_pipeline import connection

pytestmark = pytest.mark.django_db(transaction=True)
HISTORY = [(10, "rent", -63), (10, "coffee", -1), (10, "coffee", -1), (11, "tea", -4), (11, "cake", -9)]
Row = tuple[int, str]


def rising(rows: Sequence[Row]) -> list[Row]:
    """Days from old to new, the rows of each from new to old."""
    return [row for _, day in groupby(rows, key=lambda row: row[0]) for row in list(day)[::-1]]


def falling(rows: Sequence[Row]) -> list[Row]:
    """The other way round."""
    return rising(rows)[::-1]


def export(start: int, end: int, listed: Callable[[Sequence[Row]], list[Row]]) -> bytes:
    balances = accumulate((amount for _, _, amount in HISTORY), initial=1000)
    named = zip(HISTORY, list(balances)[1:], strict=True)
    rows = [(day, f"2026-06-{day},{text},{amount}.00,{balance}.00") for (day, text, amount), balance in named]
    return "\n".join(["Date,Description,Amount,Balance", *(row for _, row in listed(rows[start:end])), ""]).encode()


@pytest.mark.parametrize("listed", [rising, falling])
@pytest.mark.parametrize("spans", [[(0, 2), (1, 4), (2, 5)], [(1, 5), (0, 2)], [(0, 4), (1, 5), (0, 4)]], ids=str)
@pytest.mark.slow
def test_exports_that_overlap_within_days_store_each_entry_once(
    listed: Callable[[Sequence[Row]], list[Row]], spans: list[tuple[int, int]]
) -> None:
    where = connection()

    for start, end in spans:
        put(where, "june.csv", export(start, end, listed), account="7", currency="EUR")

    rows = BankTransaction.objects.for_tenant(where.tenant).active()
    stored = sorted((row.booked_on.day, row.counterparty, int(row.amount)) for row in rows)
    assert stored == sorted(HISTORY)
