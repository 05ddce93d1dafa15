"""Where the entries of a day stand in two statements by their balances, whatever their texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

Booked = Sequence[tuple[int, date, Decimal]]
"""Position, day and amount of each entry, as a statement lists them."""


class _Placed(NamedTuple):
    """An entry of a day, and the balance after it."""

    position: int
    amount: Decimal
    after: Decimal


class Standing:
    """A whole statement from old to new. `falls` says whether it lists the newest entry first; None leaves it to its
    days.
    """

    def __init__(
        self, opening: Decimal, booked: Booked, unordered: frozenset[date], *, falls: bool | None = None
    ) -> None:
        is_falling = _falls(booked) if falls is None else falls
        listed = booked[::-1] if is_falling else booked
        balances = accumulate((amount for *_, amount in listed), initial=opening)
        self._on: dict[date, list[_Placed]] = defaultdict(list)
        for (position, day, amount), before in zip(listed, balances, strict=False):
            self._on[day].append(_Placed(position, amount, before + amount))
        days = [day for _, day, _ in listed]
        self.first, self.last = min(days), max(days)
        self._opening = opening
        self._is_sorted = days == sorted(days)
        self._unordered = unordered

    def on(self, day: date) -> Sequence[_Placed]:
        return self._on.get(day, ())

    def is_ordered(self, day: date) -> bool:
        return self._is_sorted and day not in self._unordered

    def ends(self, day: date) -> tuple[Decimal, Decimal]:
        """The balances before and after what it shows of the day."""
        earlier = (entry.amount for entry_day, entries in self._on.items() if entry_day < day for entry in entries)
        before = sum(earlier, self._opening)
        return before, sum((entry.amount for entry in self.on(day)), before)


class Compared(NamedTuple):
    """What two statements show of one day. Entries are named by their positions."""

    in_step: Mapping[int, Sequence[int]]
    """For entries of the first statement, the same entries of the other one: both list them alike from the beginning of
    the day, or up to its end, and both show the day before it, or the day after it.
    """
    has_same_ends: bool
    """Whether both show the day from one balance to another."""
    after: Mapping[int, Decimal]
    """The balance after each entry of the first statement; empty if the order of the day is not known."""
    other_at: Mapping[Decimal, Sequence[int]]
    """The entries of the other statement after which each balance stands."""


def possible_directions(first: Booked, second: Booked) -> list[tuple[bool, bool]]:
    """Whether each of two exports lists the newest entry first, in every combination that is possible.

    An export of a single day does not show its direction. Its bank lists all exports alike, and if neither export shows
    it, both directions are possible.
    """
    falling = [_falls(first), _falls(second)]
    if falling[0] is not None and falling[1] is not None:
        return [(falling[0], falling[1])]
    possible = [is_falling for is_falling in falling if is_falling is not None] or [False, True]
    return [(is_falling, is_falling) for is_falling in possible]


def _falls(booked: Booked) -> bool | None:
    first, last = booked[0][1], booked[-1][1]
    return None if first == last else first > last


def compare(first: Standing, second: Standing, day: date) -> Compared:
    first_ends, second_ends = first.ends(day), second.ends(day)
    if not (first.is_ordered(day) and second.is_ordered(day)):
        return Compared({}, first_ends == second_ends, {}, {})
    first_entries, second_entries = first.on(day), second.on(day)
    in_step: dict[int, list[int]] = defaultdict(list)
    if first_ends[0] == second_ends[0] and first.first < day and second.first < day:
        _walk(first_entries, second_entries, in_step)
    if first_ends[1] == second_ends[1] and first.last > day and second.last > day:
        _walk(first_entries[::-1], second_entries[::-1], in_step)
    other_at: dict[Decimal, list[int]] = defaultdict(list)
    for entry in second_entries:
        other_at[entry.after].append(entry.position)
    return Compared(
        in_step, first_ends == second_ends, {entry.position: entry.after for entry in first_entries}, other_at
    )


def _walk(entries: Sequence[_Placed], other_entries: Sequence[_Placed], steps: dict[int, list[int]]) -> None:
    for entry, other_entry in zip(entries, other_entries, strict=False):
        if entry.amount != other_entry.amount:
            return
        steps[entry.position].append(other_entry.position)
