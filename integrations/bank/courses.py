"""The course of a statement's balance: what shows that two statements have no entry in common.

The rule, for statements of one account that share days:

- they continue each other where one opens with what the other closes with and begins and ends no earlier, and their
  numbers follow each other, or the earlier one changed the balance on the days they share and neither is a part of the
  other: of balances that come back, a part closes with what the whole opens with, or the other way round;
- they are others where their balances run past each other: neither at the beginning nor at the end of the days they
  share do they have the same balance, and no run of entries leads both from the same balance to the same balance.

Else they overlap. A course that is not whole, as of a statement of which other ones delivered entries since, denies
nothing.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

_NUMBER = re.compile(r"0*([0-9]{1,9})(?:/[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Course:
    """What a statement booked, at least one entry, in its order, as (day, amount), between its balances."""

    opening: Decimal
    closing: Decimal
    days: array[int]
    """Of each entry, as ordinals: a run keeps the courses of its statements, and a date for each would be the most."""
    amounts: tuple[Decimal, ...]
    number: str
    first: date
    last: date
    is_whole: bool
    """Whether the entries lead from one balance to the other."""

    @property
    def booked(self) -> list[tuple[date, Decimal]]:
        """The entries, as (day, amount)."""
        return list(zip(map(date.fromordinal, self.days), self.amounts, strict=True))

    def before(self, day: date) -> Decimal:
        """The balance at the beginning of the day."""
        return self.opening + self.changed(until=day) - self.changed(since=day, until=day)

    def after(self, day: date) -> Decimal:
        """The balance at the end of the day."""
        return self.opening + self.changed(until=day)

    def changed(self, *, since: date = date.min, until: date = date.max) -> Decimal:
        """What was booked from one day to another, both included."""
        first, last = since.toordinal(), until.toordinal()
        pairs = zip(self.days, self.amounts, strict=True)
        return sum((amount for day, amount in pairs if first <= day <= last), Decimal())


def course(
    opening: Decimal | None, closing: Decimal | None, booked: Sequence[tuple[date, Decimal]], number: str
) -> Course | None:
    """The course of a statement; None where it has no balances, or no entries of a known day and amount."""
    if opening is None or closing is None or not booked:
        return None
    days = [day for day, _ in booked]
    is_whole = opening + sum(amount for _, amount in booked) == closing
    ordinals, amounts = array("i", (day.toordinal() for day in days)), tuple(amount for _, amount in booked)
    return Course(opening, closing, ordinals, amounts, number, min(days), max(days), is_whole)


def have_nothing_in_common(one: Course, other: Course) -> bool:
    """Whether the rule above tells two statements of an account apart."""
    return continues(one, other) or continues(other, one) or _run_past(one, other)


def continues(first: Course, second: Course) -> bool:
    """Whether the second is what came after the first."""
    if first.closing != second.opening or first.first > second.first or first.last > second.last:
        return False
    if first.last <= second.first and follow(first.number, second.number):
        return True
    if not first.changed(since=second.first):
        return False
    return not (_is_part(second, first) or _is_part(first, second))


def may_hold_the_way(first: Course, second: Course) -> bool:
    """Whether one of the two may hold what leads from the first to the second: their balances on the way.

    The balances show that the second came later only where that is not so: a whole day whose balances come back leads
    to its own parts, and they to it.
    """
    return any(_comes_to(each, first.closing, second.opening) for each in (first, second))


def _comes_to(course: Course, start: Decimal, end: Decimal) -> bool:
    """Whether its balance is `start`, and after that `end`, in the order of its entries or the other way round."""
    for amounts in (course.amounts, course.amounts[::-1]):
        balances = list(accumulate(amounts, initial=course.opening))
        if start in balances and end in balances[balances.index(start) + 1 :]:
            return True
    return False


def _is_part(part: Course, whole: Course) -> bool:
    """Whether the entries of `part` lie in `whole` with the same balances; the rest of a page may lie on the next."""
    length = len(part.days)
    last = len(whole.days) - (length if whole.is_whole else 1)
    for booked in (whole.booked, whole.booked[::-1]):
        balances = list(accumulate((amount for _, amount in booked), initial=whole.opening))
        for theirs in (part.booked, part.booked[::-1]):
            for at in range(last + 1):
                if balances[at] == part.opening and booked[at] == theirs[0]:
                    run = booked[at : at + length]
                    if run == theirs[: len(run)]:
                        return True
    return False


def follow(first: str, second: str) -> bool:
    """Whether the second number is the one after the first: 7 and 8, 7/1 and 8/1."""
    numbers = _NUMBER.fullmatch(first), _NUMBER.fullmatch(second)
    return numbers[0] is not None and numbers[1] is not None and int(numbers[1][1]) - int(numbers[0][1]) == 1


def _run_past(one: Course, other: Course) -> bool:
    start, end = max(one.first, other.first), min(one.last, other.last)
    if start > end or not (one.is_whole and other.is_whole):
        return False
    if one.before(start) == other.before(start) or one.after(end) == other.after(end):
        return False
    runs = [(course.booked, course.booked[::-1]) for course in (one, other)]
    return not any(_meet(one.opening, mine, other.opening, theirs) for mine in runs[0] for theirs in runs[1])


def _meet(
    opening: Decimal, booked: list[tuple[date, Decimal]], other: Decimal, theirs: list[tuple[date, Decimal]]
) -> bool:
    """Whether the end of one is the beginning of the other, or one a part of the other, with the same balances."""
    return _begins_in(opening, booked, other, theirs) or _begins_in(other, theirs, opening, booked)


def _begins_in(
    opening: Decimal, booked: list[tuple[date, Decimal]], other: Decimal, theirs: list[tuple[date, Decimal]]
) -> bool:
    balances = accumulate((amount for _, amount in booked[:-1]), initial=opening)
    starts = (at for at, balance in enumerate(balances) if balance == other)
    return any(booked[at : at + len(theirs)] == theirs[: len(booked) - at] for at in starts)
