"""Where two statements show the same run of entries between the same balances.

An entry of a statement with balances stands between two of them, so it can be found in another statement by more than
its day and amount. Each statement may list its entries in either direction.
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
    """A run of entries of one statement that is a run of another one's, counted as each of them is read."""

    at: int
    other_at: int
    length: int
    turned: int = 0
    """How many entries the statement has where it is read from its end, else 0."""
    other_turned: int = 0

    @property
    def distance(self) -> int:
        """How much later its entries are read in the other statement."""
        return self.other_at - self.at

    def read(self, index: int) -> int:
        """When the entry at this place of the statement is read."""
        return self.turned - 1 - index if self.turned else index

    def other_read(self, place: int) -> int:
        """When the entry at this place of the other statement is read."""
        return self.other_turned - 1 - place if self.other_turned else place

    def partner(self, index: int) -> int | None:
        """The place in the other statement of the entry at this place of the first, None outside the run."""
        within = self.read(index) - self.at
        # Turning twice leads back, so what is read at a time stands at `other_read` of that time.
        return self.other_read(self.other_at + within) if 0 <= within < self.length else None

    def swapped(self) -> Aligned:
        return Aligned(self.other_at, self.at, self.length, self.other_turned, self.turned)


class Runs:
    """The runs of two statements, all of them read in the same two directions.

    Where balances come and go there may be as many as entries, so a pair of places is looked up and not searched for.
    """

    def __init__(self, runs: Sequence[Aligned]) -> None:
        self._runs = runs
        self._by_distance: dict[int, list[Aligned]] = defaultdict(list)
        for run in runs:
            self._by_distance[run.distance].append(run)

    def __bool__(self) -> bool:
        return bool(self._runs)

    def partners(self, index: int) -> Iterator[int]:
        """The places in the other statement where the entry at this place of the first may stand."""
        return (place for run in self._runs if (place := run.partner(index)) is not None)

    def pair(self, index: int, place: int) -> bool:
        """Whether the entries at these places of the two may be one."""
        if not self._runs:
            return False
        distance = self._runs[0].other_read(place) - self._runs[0].read(index)
        return any(run.partner(index) == place for run in self._by_distance.get(distance, ()))


class Reading(NamedTuple):
    """The entries of a statement in one of their two directions, with the balances before, between and after them."""

    booked: Booked
    balances: Sequence[Decimal]
    turned: int


def readings(proved: Proved) -> list[Reading]:
    """Both directions, or the one that is known; of a single entry there is one."""
    booked = proved.booked
    directions = [(booked, 0), (booked[::-1], len(booked))] if len(booked) > 1 else [(booked, 0)]
    if len(booked) > 1 and proved.falls is not None:
        directions = directions[1:] if proved.falls else directions[:1]
    return [
        Reading(listed, list(accumulate((amount for _, amount in listed), initial=proved.opening)), turned)
        for listed, turned in directions
    ]


def steps_of(proved: Proved) -> frozenset[Between]:
    """Between which balances its entries go, in each direction in which they may be listed."""
    return frozenset(
        (day, min(ends), max(ends))
        for reading in readings(proved)
        for (day, _), ends in zip(reading.booked, pairwise(reading.balances), strict=True)
    )


def contained(whole: Proved, part: Proved) -> Iterator[Aligned]:
    """Where the entries of `part` lie in `whole` with the same balances."""
    if len(part.booked) > len(whole.booked):
        return
    wholes = readings(whole)
    for theirs in readings(part):
        length = len(theirs.booked)
        for own in wholes:
            for at in range(len(own.booked) - length + 1):
                if own.balances[at] == part.opening and _same(own.booked, at, theirs.booked, length):
                    yield Aligned(at, 0, length, own.turned, theirs.turned)


def beginning(one: Proved, other: Proved) -> Iterator[Aligned]:
    """Where the other begins in the one with the same balances, and goes on as long as both do."""
    for theirs in readings(other):
        for own in readings(one):
            for at in range(len(own.booked)):
                length = min(len(own.booked) - at, len(theirs.booked))
                if own.balances[at] == other.opening and _same(own.booked, at, theirs.booked, length):
                    yield Aligned(at, 0, length, own.turned, theirs.turned)


def meeting(one: Proved, other: Proved) -> Iterator[Aligned]:
    """Where the end of one is the beginning of the other, or one a part of the other, with the same balances."""
    yield from beginning(one, other)
    yield from (aligned.swapped() for aligned in beginning(other, one))


def _same(booked: Booked, at: int, theirs: Booked, length: int) -> bool:
    return booked[at] == theirs[0] and booked[at : at + length] == theirs[:length]
