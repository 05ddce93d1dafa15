"""Where two statements show the same run of entries between the same balances.

An entry of a statement with balances stands between two of them, so more than its day and amount identifies it in
another statement. A statement may list its entries in either direction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import accumulate, pairwise
from typing import NamedTuple, Protocol

Booked = Sequence[tuple[date, Decimal]]
Between = tuple[date, Decimal, Decimal]
"""The day of an entry, and the lower and the higher of the balances before and after it."""


class Proved(Protocol):
    """The entries of a statement, and the balance before them."""

    @property
    def opening(self) -> Decimal: ...
    @property
    def booked(self) -> Booked: ...
    @property
    def falls(self) -> bool | None: ...


class Aligned(NamedTuple):
    """A run of entries of one statement that is also a run of another one, counted in the order in which each of them
    is read.
    """

    start: int
    other_start: int
    length: int
    turned: int = 0
    """The number of entries if the statement is read from its end, else 0."""
    other_turned: int = 0

    @property
    def distance(self) -> int:
        """How much later the entries are read in the other statement."""
        return self.other_start - self.start

    def reading_index(self, index: int) -> int:
        """When the entry at this place of the statement is read."""
        return self.turned - 1 - index if self.turned else index

    def other_reading_index(self, place: int) -> int:
        """When the entry at this place of the other statement is read."""
        return self.other_turned - 1 - place if self.other_turned else place

    def partner_of(self, index: int) -> int | None:
        """The place in the other statement of the entry at this place of the first; None outside the run."""
        offset = self.reading_index(index) - self.start
        # Turning twice leads back, so what is read at a time stands at `other_read` of that time.
        return self.other_reading_index(self.other_start + offset) if 0 <= offset < self.length else None

    def swapped(self) -> Aligned:
        return Aligned(self.other_start, self.start, self.length, self.other_turned, self.turned)


class Runs:
    """The runs of two statements, all of them read in the same two directions.

    Where balances come and go there may be as many runs as entries, so a pair of places is looked up instead of
    searched for.
    """

    def __init__(self, runs: Sequence[Aligned]) -> None:
        self._runs = runs
        self._by_distance: dict[int, list[Aligned]] = defaultdict(list)
        for run in runs:
            self._by_distance[run.distance].append(run)

    def __bool__(self) -> bool:
        return bool(self._runs)

    def partners(self, index: int) -> Iterator[int]:
        """The places in the other statement where the entry at this place of the first one may stand."""
        return (place for run in self._runs if (place := run.partner_of(index)) is not None)

    def pair(self, index: int, place: int) -> bool:
        """Whether the entries at these places of the two may be one."""
        if not self._runs:
            return False
        distance = self._runs[0].other_reading_index(place) - self._runs[0].reading_index(index)
        return any(run.partner_of(index) == place for run in self._by_distance.get(distance, ()))


class DirectedEntries(NamedTuple):
    """The entries of a statement in one of its two directions, with the balances before, between and after them."""

    booked: Booked
    balances: Sequence[Decimal]
    turned: int


def directed_entries(proved: Proved) -> list[DirectedEntries]:
    """The entries in both directions, or in the one that is known. A single entry has one direction."""
    booked = proved.booked
    directions = [(booked, 0), (booked[::-1], len(booked))] if len(booked) > 1 else [(booked, 0)]
    if len(booked) > 1 and proved.falls is not None:
        directions = directions[1:] if proved.falls else directions[:1]
    return [
        DirectedEntries(entries, list(accumulate((amount for _, amount in entries), initial=proved.opening)), turned)
        for entries, turned in directions
    ]


def balance_steps(proved: Proved) -> frozenset[Between]:
    """Between which balances each entry goes, in each direction in which the statement may list them."""
    return frozenset(
        (day, min(balances), max(balances))
        for reading in directed_entries(proved)
        for (day, _), balances in zip(reading.booked, pairwise(reading.balances), strict=True)
    )


def find_part(whole: Proved, part: Proved) -> Iterator[Aligned]:
    """Where the entries of `part` lie in `whole` with the same balances."""
    if len(part.booked) > len(whole.booked):
        return
    whole_readings = directed_entries(whole)
    for part_reading in directed_entries(part):
        length = len(part_reading.booked)
        for whole_reading in whole_readings:
            for start in range(len(whole_reading.booked) - length + 1):
                if whole_reading.balances[start] == part.opening and _are_same_run(
                    whole_reading.booked, start, part_reading.booked, length
                ):
                    yield Aligned(start, 0, length, whole_reading.turned, part_reading.turned)


def find_beginning(first: Proved, second: Proved) -> Iterator[Aligned]:
    """Where the second statement begins within the first with the same balances, and goes on as long as both do."""
    for second_reading in directed_entries(second):
        for first_reading in directed_entries(first):
            for start in range(len(first_reading.booked)):
                length = min(len(first_reading.booked) - start, len(second_reading.booked))
                if first_reading.balances[start] == second.opening and _are_same_run(
                    first_reading.booked, start, second_reading.booked, length
                ):
                    yield Aligned(start, 0, length, first_reading.turned, second_reading.turned)


def find_meeting(first: Proved, second: Proved) -> Iterator[Aligned]:
    """Where the end of one statement is the beginning of the other, or one is a part of the other, with the same
    balances.
    """
    yield from find_beginning(first, second)
    yield from (aligned.swapped() for aligned in find_beginning(second, first))


def _are_same_run(booked: Booked, start: int, part: Booked, length: int) -> bool:
    return booked[start] == part[0] and booked[start : start + length] == part[:length]
