"""Where the entries of a day stand in two statements, going by their balances, whatever their texts."""

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
    """A whole statement from old to new. `falls` says whether it lists the newest entry first, None that days do."""

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
        earlier = (entry.amount for on, entries in self._on.items() if on < day for entry in entries)
        before = sum(earlier, self._opening)
        return before, sum((entry.amount for entry in self.on(day)), before)


class Compared(NamedTuple):
    """What two statements show of one day; entries are named by their positions."""

    in_step: Mapping[int, Sequence[int]]
    """The entries of the other that are the ones of the first: listed alike from where the day begins, or up to its
    end, where both statements show the day before it, or the one after it.
    """
    has_same_ends: bool
    """Whether both show the day from one balance to another."""
    after: Mapping[int, Decimal]
    """The balance after each entry of the first; none where the order of the day is not known."""
    other_at: Mapping[Decimal, Sequence[int]]
    """The entries of the other after which each balance stands."""


def directions(this: Booked, other: Booked) -> list[tuple[bool, bool]]:
    """Whether each of two exports lists the newest entry first. A day alone does not show it: its bank lists all alike,
    and where neither shows it both ways may be.
    """
    shown = [_falls(this), _falls(other)]
    if shown[0] is not None and shown[1] is not None:
        return [(shown[0], shown[1])]
    allowed = [each for each in shown if each is not None] or [False, True]
    return [(each, each) for each in allowed]


def _falls(booked: Booked) -> bool | None:
    first, last = booked[0][1], booked[-1][1]
    return None if first == last else first > last


def compared(one: Standing, other: Standing, day: date) -> Compared:
    ends, other_ends = one.ends(day), other.ends(day)
    if not (one.is_ordered(day) and other.is_ordered(day)):
        return Compared({}, ends == other_ends, {}, {})
    entries, others = one.on(day), other.on(day)
    steps: dict[int, list[int]] = defaultdict(list)
    if ends[0] == other_ends[0] and one.first < day and other.first < day:
        _walk(entries, others, steps)
    if ends[1] == other_ends[1] and one.last > day and other.last > day:
        _walk(entries[::-1], others[::-1], steps)
    other_at: dict[Decimal, list[int]] = defaultdict(list)
    for entry in others:
        other_at[entry.after].append(entry.position)
    return Compared(steps, ends == other_ends, {entry.position: entry.after for entry in entries}, other_at)


def _walk(entries: Sequence[_Placed], others: Sequence[_Placed], steps: dict[int, list[int]]) -> None:
    for entry, other in zip(entries, others, strict=False):
        if entry.amount != other.amount:
            return
        steps[entry.position].append(other.position)
