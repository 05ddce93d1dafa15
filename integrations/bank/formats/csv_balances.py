"""Opening and closing balance from a column with the balance after each entry."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from integrations.bank.statements import Balance, Entry, EntryStatus

Ends = tuple[Balance, Balance]


def derived(entries: Sequence[Entry], balances: Sequence[Decimal | None]) -> Ends | None:
    """Opening and closing when every balance follows from the one before it; else None.

    Files run from old to new or from new to old. A file that is sorted by amount, has a gap, or whose entries cannot
    all be read chains neither way; one that chains both ways with different ends is ambiguous: no balances then,
    rather than wrong ones. The dates are those of the first and the last entry.
    """
    if not entries or len({entry.currency for entry in entries}) != 1:
        return None
    if any(entry.amount is None or entry.status is not EntryStatus.BOOKED for entry in entries):
        return None
    pairs = list(zip(entries, balances, strict=True))
    found = {ends for run in (pairs, pairs[::-1]) if (ends := _ends(run)) is not None}
    return found.pop() if len({(first.amount, last.amount) for first, last in found}) == 1 else None


def _ends(run: Sequence[tuple[Entry, Decimal | None]]) -> Ends | None:
    before: Decimal | None = None
    opening = Decimal()
    for entry, after in run:
        if entry.amount is None or after is None:
            return None
        start = after - entry.amount
        if before is None:
            opening = start
        elif start != before:
            return None
        before = after
    if before is None:
        return None
    first, last = run[0][0], run[-1][0]
    return Balance(opening, first.currency, first.booked_on), Balance(before, last.currency, last.booked_on)
