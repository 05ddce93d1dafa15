"""Opening and closing balance from a column with the balance after each entry, and what breaks their chain.

What the column cannot show: another amount in the oldest entry, from which the opening balance is derived, or entries
missing at either end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from integrations.bank.statements import Balance, Entry, EntryStatus

Ends = tuple[Balance, Balance]
MIN_LINKS = 2
"""Fewer that hold prove no order, so that one that breaks proves no damage."""
MAX_NAMED = 5


def derived(entries: Sequence[Entry], balances: Sequence[Decimal | None]) -> Ends | None:
    """Opening and closing when every balance follows from the one before it; else None.

    Files run from old to new or from new to old. A file that is sorted by amount, has a gap, or whose entries cannot
    all be read chains neither way; one that chains both ways with different ends is ambiguous: no balances then,
    rather than wrong ones. The dates are those of the first and the last entry.
    """
    if not _comparable(entries):
        return None
    pairs = list(zip(entries, balances, strict=True))
    found = {ends for run in (pairs, pairs[::-1]) if (ends := _ends(run)) is not None}
    return found.pop() if len({(first.amount, last.amount) for first, last in found}) == 1 else None


def breaks(entries: Sequence[Entry], balances: Sequence[Decimal | None]) -> tuple[str, ...]:
    """What to say of a chain that `derived` finds broken: an amount was altered, or a row is missing.

    Nothing where the rows are merely in another order: where few links hold, and where the rows chain in some order.
    """
    if not _comparable(entries):
        return ()
    steps = [
        _Step(entry, entry.amount, after)
        for entry, after in zip(entries, balances, strict=True)
        if entry.amount is not None and after is not None
    ]
    if len(steps) < len(entries):
        return ()
    broken = min((_broken(run) for run in (steps, steps[::-1])), key=len)
    held = len(steps) - 1 - len(broken)
    if not broken or held < MIN_LINKS or held <= len(broken) or _chain_in_some_order(steps):
        return ()
    named = "; ".join(_said(before, step) for before, step in broken[:MAX_NAMED])
    more = f"; and {len(broken) - MAX_NAMED} more" if len(broken) > MAX_NAMED else ""
    return (f"the running balance does not follow from the entries: {named}{more}",)


@dataclass(frozen=True, slots=True)
class _Step:
    entry: Entry
    amount: Decimal
    after: Decimal

    @property
    def start(self) -> Decimal:
        return self.after - self.amount


def _comparable(entries: Sequence[Entry]) -> bool:
    """Whether every entry counts in one and the same balance."""
    return len({entry.currency for entry in entries}) == 1 and all(
        entry.amount is not None and entry.status is EntryStatus.BOOKED for entry in entries
    )


def _broken(run: Sequence[_Step]) -> list[tuple[Decimal, _Step]]:
    """Each entry that does not start where the one before it ended, with that balance."""
    return [(earlier.after, later) for earlier, later in pairwise(run) if earlier.after != later.start]


def _said(before: Decimal, step: _Step) -> str:
    return (
        f"entry {step.entry.position + 1} of {step.entry.booked_text} takes {before:f} by {step.amount:f} "
        f"to {step.after:f}, a difference of {step.start - before:f}"
    )


def _chain_in_some_order(steps: Sequence[_Step]) -> bool:
    """Whether one walk from balance to balance takes every step once (Euler: connected, and all but the two ends
    entered as often as left). Banks that sort by day, newest first, but within the day oldest first, write such files.
    """
    surplus = Counter(step.start for step in steps)
    surplus.subtract(step.after for step in steps)
    if sum(map(abs, surplus.values())) > 2:
        return False
    neighbours: dict[Decimal, set[Decimal]] = {}
    for step in steps:
        neighbours.setdefault(step.start, set()).add(step.after)
        neighbours.setdefault(step.after, set()).add(step.start)
    reached, ahead = {steps[0].start}, [steps[0].start]
    while ahead:
        fresh = neighbours[ahead.pop()] - reached
        reached |= fresh
        ahead.extend(fresh)
    return len(reached) == len(neighbours)


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
