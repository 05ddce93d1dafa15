"""The course of a statement's balance: what shows that two statements have no entry in common.

The rule, for statements of one account that share days:

- they continue each other where one opens with what the other closes with and begins and ends no earlier, and their
  numbers follow each other (unless no balance changed and they show the same ids of the bank), or the earlier one
  changed the balance on the days they share and neither is a part of the other: of balances that come back, a part
  closes with what the whole opens with, or the other way round;
- they are others where their balances run past each other: neither at the beginning nor at the end of the days they
  share do they have the same balance, and no run of entries leads both from the same balance to the same balance.

Else they overlap. Statements that both list their entries by amount are judged by what they hold instead, see
unordered.py: no run of entries shows where they were booked. A course that is not whole, as of a statement of which
other ones delivered entries since, denies nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate, pairwise

from integrations.bank.alignment import Aligned, beginning, contained, meeting, readings
from integrations.bank.numbering import follow
from integrations.bank.unordered import are_by_amount, between, in_both, most_in_common


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
    still: frozenset[tuple[date, Decimal, str]] = frozenset()
    """The entries of its first and last day that have an id of the bank, where the day left the balance as it was."""
    falls: bool | None = None
    """Whether it lists the newest entry first, where balances between its entries show it."""

    @property
    def booked(self) -> list[tuple[date, Decimal]]:
        """The entries, as (day, amount)."""
        return list(zip(map(date.fromordinal, self.days), self.amounts, strict=True))

    def booked_at(self, index: int) -> tuple[date, Decimal]:
        return date.fromordinal(self.days[index]), self.amounts[index]

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
    opening: Decimal | None,
    closing: Decimal | None,
    booked: Sequence[tuple[date, Decimal]],
    number: str,
    ids: Iterable[str] = (),
    *,
    falls: bool | None = None,
) -> Course | None:
    """The course of a statement; None where it has no balances, or no entries of a known day and amount.

    `ids` are the bank's, '' for none, as many as entries.
    """
    if opening is None or closing is None or not booked:
        return None
    days = [day for day, _ in booked]
    is_whole = opening + sum(amount for _, amount in booked) == closing
    ordinals, amounts = array("i", (day.toordinal() for day in days)), tuple(amount for _, amount in booked)
    still = frozenset(_still(booked, ids, {min(days), max(days)}))
    return Course(opening, closing, ordinals, amounts, number, min(days), max(days), is_whole, still, falls)


def _still(
    booked: Sequence[tuple[date, Decimal]], ids: Iterable[str], days: set[date]
) -> Iterator[tuple[date, Decimal, str]]:
    changed = {day: sum(amount for on, amount in booked if on == day) for day in days}
    for (day, amount), name in zip(booked, ids, strict=False):
        if name and changed.get(day) == 0:
            yield day, amount, name


def have_nothing_in_common(this: Course, other: Course) -> bool:
    """Whether the rule above tells two statements of an account apart."""
    return continues(this, other) or continues(other, this) or _run_past(this, other)


def continues(first: Course, second: Course) -> bool:
    """Whether the second is what came after the first."""
    if not _touches(first, second):
        return False
    if first.last <= second.first and follow(first.number, second.number) and not first.still & second.still:
        return True
    if not first.changed(since=second.first) or _is_part(second, first) or _is_part(first, second):
        return False
    return not (_are_by_amount(first, second) and most_in_common(first, second))


def _touches(first: Course, second: Course) -> bool:
    """Whether by its balance and its days the second may be what came after the first."""
    return first.closing == second.opening and first.first <= second.first and first.last <= second.last


def may_hold_the_way(first: Course, second: Course) -> bool:
    """Whether one of the two may hold what leads from the first to the second: their balances on the way.

    The balances show that the second came later only where that is not so: a whole day whose balances come back leads
    to its own parts, and they to it.
    """
    return any(_comes_to(each, first.closing, second.opening) for each in (first, second))


def _comes_to(course: Course, start: Decimal, end: Decimal) -> bool:
    """Whether its balance is `start`, and after that `end`, in the order of its entries or the other way round."""
    ways = (balances for _, balances, _ in readings(course))
    return any(start in way and end in way[way.index(start) + 1 :] for way in ways)


def _is_part(part: Course, whole: Course) -> bool:
    """Whether the entries of `part` lie in `whole` with the same balances; the rest of a page may lie on the next."""
    return any(contained(whole, part)) if whole.is_whole else any(beginning(whole, part))


def runs_in_common(this: Course, other: Course) -> list[Aligned]:
    """The longest runs of entries that both have, where their balances tell; none where they do not."""
    # Equal entries read alike from both ends: what the statements show as they are listed goes before that.
    runs = next(filter(None, _ways(this, other)), [])
    longest = max((run.length for run in runs), default=0)
    if runs and _are_by_amount(this, other) and most_in_common(this, other) > longest:
        return []  # by amount no run stands where it was booked
    return [run for run in runs if run.length == longest]


def _ways(this: Course, other: Course) -> list[list[Aligned]]:
    """The runs in both in each pair of directions, the likely ones first."""
    if not (this.is_whole and other.is_whole and _share_days(this, other)):
        return []
    runs = [*contained(this, other), *(aligned.swapped() for aligned in contained(other, this))]
    runs += meeting(this, other) if is_cut_within_a_day(this, other) else []
    directions = [(False, False), (True, True), (False, True), (True, False)]
    if any(each.falls or each.days[0] > each.days[-1] for each in (this, other)):
        directions[:2] = directions[1::-1]  # their bank lists the newest entry first
    singles = len(this.amounts) == 1, len(other.amounts) == 1
    return [[run for run in runs if _is_read(run, turned, singles)] for turned in directions]


def _is_read(run: Aligned, turned: tuple[bool, bool], singles: tuple[bool, bool]) -> bool:
    """Whether the run is one of these directions; a single entry reads alike in both."""
    read = run.turned > 0, run.other_turned > 0
    return all(single or own == way for own, way, single in zip(read, turned, singles, strict=True))


def _are_by_amount(this: Course, other: Course) -> bool:
    """Whether both list their entries by amount; balances that show in which order they do deny it."""
    return this.falls is None and other.falls is None and are_by_amount(this, other)


def _are_in_order(this: Course, other: Course) -> bool:
    """Whether balances between their entries show that both list them as they were booked."""
    return all(each.falls is not None or len(each.amounts) == 1 for each in (this, other))


def is_cut_within_a_day(this: Course, other: Course) -> bool:
    """Whether one of them begins or ends within a day that the other shows too."""
    if not _share_days(this, other):
        return False
    start, end = max(this.first, other.first), min(this.last, other.last)
    return this.before(start) != other.before(start) or this.after(end) != other.after(end)


def cut_days(this: Course, other: Course) -> frozenset[date]:
    """The days of which the two show different parts: one of the two was cut within them."""
    ends, other_ends = _ends(this), _ends(other)
    return frozenset(day for day in ends.keys() & other_ends.keys() if ends[day] != other_ends[day])


def _ends(course: Course) -> dict[date, tuple[Decimal, Decimal]]:
    """The balances before and after what it shows of each day."""
    changed: dict[date, Decimal] = {}
    for day, amount in course.booked:
        changed[day] = changed.get(day, Decimal()) + amount
    days = sorted(changed)
    balances = list(accumulate((changed[day] for day in days), initial=course.opening))
    return dict(zip(days, pairwise(balances), strict=True))


def may_lie_otherwise(this: Course, other: Course) -> bool:
    """Whether a balance comes back, so that there is more than one place where the two may continue or overlap."""
    if not is_cut_within_a_day(this, other):
        return False
    ways = _ways(this, other)
    places = {run.distance for run in next(filter(None, ways), [])}
    lengths = {max(run.length for run in runs) for runs in ways[:2] if runs}
    if len(places) + _touches(this, other) + _touches(other, this) > 1 or len(lengths) > 1:
        return True
    are_in_turn = follow(this.number, other.number) or follow(other.number, this.number)
    is_continued = continues(this, other) or continues(other, this)
    return is_continued and not are_in_turn and most_in_common(this, other) > 0


def overlap_in_another_direction(this: Course, other: Course) -> bool:
    """Whether they have a run of entries in common, and only where they are listed in a less likely direction."""
    if not is_cut_within_a_day(this, other):
        return False
    likely, *others = _ways(this, other) or [[]]
    return not likely and any(others) and bool(runs_in_common(this, other))


def fit_in_another_order(this: Course, other: Course) -> bool:
    """Whether the two overlap by their balances, though not in the order in which they list their entries.

    Some exports are ordered by amount. What both have then leads from the opening of one to the closing of the other.
    """
    if _are_in_order(this, other) or not (this.is_whole and other.is_whole and _are_cut_within_days(this, other)):
        return False
    if _are_by_amount(this, other):
        return not runs_in_common(this, other) and most_in_common(this, other) > 0
    if any(meeting(this, other)):
        return False
    common = sum((amount for _, amount in in_both(this, other).elements()), Decimal())
    return bool(common) and common in (this.closing - other.opening, other.closing - this.opening)


def may_have_more_in_common(this: Course, other: Course) -> bool:
    """Whether they have a run in common as they are listed, and more entries if they are listed in another order."""
    runs = [] if _are_in_order(this, other) else runs_in_common(this, other)
    return bool(runs) and is_cut_within_a_day(this, other) and most_in_common(this, other) > runs[0].length


def leave_it_open(this: Course, other: Course) -> bool:
    """Whether they show different parts of a day, and balances neither tell what both have nor that it is nothing."""
    if not (this.is_whole and other.is_whole and is_cut_within_a_day(this, other)):
        return False
    if have_nothing_in_common(this, other) or runs_in_common(this, other):
        return False
    if this.closing == other.opening or other.closing == this.opening:
        return True
    both = in_both(this, other)
    start, end = max(this.first, other.first), min(this.last, other.last)
    return both not in (between(this, start, end), between(other, start, end))


def may_hide_an_overlap(this: Course, other: Course) -> bool:
    """Whether they run past each other as they list their entries, and may list them in another order than booked."""
    if _are_in_order(this, other) or continues(this, other) or continues(other, this) or not _run_past(this, other):
        return False
    return most_in_common(this, other) > 0


def _run_past(this: Course, other: Course) -> bool:
    if not (this.is_whole and other.is_whole and _share_days(this, other)):
        return False
    if not _are_cut_within_days(this, other):
        return False
    if _are_by_amount(this, other):
        return not runs_in_common(this, other) and not most_in_common(this, other)
    return not any(meeting(this, other)) and not fit_in_another_order(this, other)


def _share_days(this: Course, other: Course) -> bool:
    return max(this.first, other.first) <= min(this.last, other.last)


def _are_cut_within_days(this: Course, other: Course) -> bool:
    """Whether they have other balances both at the beginning and at the end of the days that they share.

    Where they share a balance there, both show the day from it or up to it, in whatever order their bank lists it.
    """
    start, end = max(this.first, other.first), min(this.last, other.last)
    return this.before(start) != other.before(start) and this.after(end) != other.after(end)
