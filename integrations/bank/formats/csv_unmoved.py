"""Rows of a CSV without an amount, whose balance shows that nothing moved: they state a balance and are no entries.

Some banks write the balance at the beginning or the end of the export as a row, or a notice among the entries. Such a
row is left out where the rows with amounts around it lead to its balance and from it. One that shows another balance
lost its amount, and one that stands alone shows nothing: they become dead letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from integrations.bank.formats.csv_entry import has_no_amount
from integrations.bank.statements import Entry, EntryStatus

LEFT_OUT = "rows that state a balance"
_Row = tuple[Entry, Decimal | None]


class Moving(NamedTuple):
    """The entries with the balances after them, and how many rows were left out."""

    entries: Sequence[Entry]
    balances: Sequence[Decimal | None]
    left_out: int = 0


def moving(entries: Sequence[Entry], balances: Sequence[Decimal | None]) -> Moving:
    """The rows that move something, or may."""
    if not any(map(has_no_amount, entries)):
        return Moving(entries, balances)
    listed = list(zip(entries, balances, strict=True))
    still = _unmoved([row for row in listed if row[0].status is EntryStatus.BOOKED])
    kept = [(entry, balance) for entry, balance in listed if entry.position not in still]
    renumbered = [replace(entry, position=at) for at, (entry, _) in enumerate(kept)]
    return Moving(renumbered, [balance for _, balance in kept], len(still))


def _unmoved(booked: Sequence[_Row]) -> set[int]:
    """The positions of such rows. Of a single day it is not known in which direction it is listed: both must say so."""
    days = [entry.booked_on for entry, _ in booked if entry.booked_on is not None]
    if not days or days[0] == days[-1]:
        return _between_equal(booked) & _between_equal(booked[::-1])
    return _between_equal(booked if days[0] < days[-1] else booked[::-1])


def _between_equal(in_time: Sequence[_Row]) -> set[int]:
    """Those between a balance and the same one, as far as the rows with amounts before and after them show any."""
    before = _carried((entry, balance) for entry, balance in in_time)
    after = _carried((entry, _balance_before(entry, balance)) for entry, balance in in_time[::-1])[::-1]
    return {
        entry.position
        for (entry, balance), *shown in zip(in_time, before, after, strict=True)
        if has_no_amount(entry) and balance is not None and set(shown) - {None} == {balance}
    }


def _carried(rows: Iterable[_Row]) -> list[Decimal | None]:
    """For each row the balance of the nearest one with an amount that stands before it."""
    carried: list[Decimal | None] = []
    balance = None
    for entry, own in rows:
        carried.append(balance)
        if not has_no_amount(entry):
            balance = own
    return carried


def _balance_before(entry: Entry, after: Decimal | None) -> Decimal | None:
    return None if after is None or entry.amount is None else after - entry.amount
