"""The course of a statement's balance: what shows that two statements have no entry in common.

The rule, for statements of one account that share days:

- They continue each other if one opens with what the other closes with and begins and ends no earlier, and if one of
  two things is so. Their numbers follow each other, unless no balance changed and they show the same ids of the bank.
  Or the earlier one changed the balance on the days they share and neither is a part of the other: where balances
  return, a part closes with what the whole opens with, or the other way round.
- They have nothing in common if their balances pass each other: neither at the beginning nor at the end of the shared
  days do they have the same balance, and no run of entries leads both from the same balance to the same balance.

Otherwise they overlap. Statements that both list their entries by amount are compared by what they hold, see
unordered.py: no run of entries shows where they were booked. A course that is not whole, as of a statement whose
entries other statements delivered since, rules nothing out.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate, pairwise

from integrations.bank.alignment import Aligned, directed_entries, find_beginning, find_meeting, find_part
from integrations.bank.numbering import follow
from integrations.bank.unordered import are_by_amount, between, entries_in_both, most_in_common


@dataclass(frozen=True, slots=True)
class Course:
    """What a statement booked, at least one entry, as (day, amount) in its order, between its balances."""

    opening: Decimal
    closing: Decimal
    days: array[int]
    """The day of each entry as an ordinal: a run keeps all its courses, and date objects would need the most memory."""
    amounts: tuple[Decimal, ...]
    number: str
    first: date
    last: date
    is_whole: bool
    """Whether the entries lead from one balance to the other."""
    still: frozenset[tuple[date, Decimal, str]] = frozenset()
    """The entries with a bank id on its first and last day, if the day left the balance unchanged."""
    falls: bool | None = None
    """Whether it lists the newest entry first; None if no balances between its entries show it."""

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
    """The course of a statement; None if it has no balances, or no entries with a day and an amount.

    `ids` are the bank's, '' for none, as many as entries.
    """
    if opening is None or closing is None or not booked:
        return None
    days = [day for day, _ in booked]
    is_whole = opening + sum(amount for _, amount in booked) == closing
    ordinals, amounts = array("i", (day.toordinal() for day in days)), tuple(amount for _, amount in booked)
    still = frozenset(_entries_of_unchanged_days(booked, ids, {min(days), max(days)}))
    return Course(opening, closing, ordinals, amounts, number, min(days), max(days), is_whole, still, falls)


def _entries_of_unchanged_days(
    booked: Sequence[tuple[date, Decimal]], ids: Iterable[str], days: set[date]
) -> Iterator[tuple[date, Decimal, str]]:
    changed = {day: sum(amount for entry_day, amount in booked if entry_day == day) for day in days}
    for (day, amount), name in zip(booked, ids, strict=False):
        if name and changed.get(day) == 0:
            yield day, amount, name


def have_nothing_in_common(first: Course, second: Course) -> bool:
    """Whether the rule above tells two statements of an account apart."""
    return continues(first, second) or continues(second, first) or _pass_each_other(first, second)


def continues(first: Course, second: Course) -> bool:
    """Whether the second statement comes after the first."""
    if not _may_continue(first, second):
        return False
    if first.last <= second.first and follow(first.number, second.number) and not first.still & second.still:
        return True
    if not first.changed(since=second.first) or _is_part(second, first) or _is_part(first, second):
        return False
    return not (_are_by_amount(first, second) and most_in_common(first, second))


def _may_continue(first: Course, second: Course) -> bool:
    """Whether by balance and days the second statement may come after the first."""
    return first.closing == second.opening and first.first <= second.first and first.last <= second.last


def may_hold_the_path(first: Course, second: Course) -> bool:
    """Whether one of the two passes from the first one's closing balance to the second one's opening balance.

    Only if neither does, balances show that the second statement came later: a whole day whose balances return leads to
    its own parts, and they lead to it.
    """
    return any(_passes_from_to(course, first.closing, second.opening) for course in (first, second))


def _passes_from_to(course: Course, start: Decimal, end: Decimal) -> bool:
    """Whether its balance is `start` and later `end`, in the order of its entries or the reverse."""
    balance_lists = (balances for _, balances, _ in directed_entries(course))
    return any(start in balances and end in balances[balances.index(start) + 1 :] for balances in balance_lists)


def _is_part(part: Course, whole: Course) -> bool:
    """Whether the entries of `part` lie in `whole` with the same balances. A page may end before they do."""
    return any(find_part(whole, part)) if whole.is_whole else any(find_beginning(whole, part))


def runs_in_common(first: Course, second: Course) -> list[Aligned]:
    """The longest runs of entries that both have, if their balances show any."""
    # Equal entries read alike from both ends: what the statements show as they are listed goes before that.
    runs = next(filter(None, _runs_by_direction(first, second)), [])
    longest = max((run.length for run in runs), default=0)
    if runs and _are_by_amount(first, second) and most_in_common(first, second) > longest:
        return []  # by amount no run stands where it was booked
    return [run for run in runs if run.length == longest]


def _runs_by_direction(first: Course, second: Course) -> list[list[Aligned]]:
    """The runs in both for each pair of directions, the likely pairs first."""
    if not (first.is_whole and second.is_whole and _share_days(first, second)):
        return []
    runs = [*find_part(first, second), *(aligned.swapped() for aligned in find_part(second, first))]
    runs += find_meeting(first, second) if is_cut_within_a_day(first, second) else []
    directions = [(False, False), (True, True), (False, True), (True, False)]
    if any(course.falls or course.days[0] > course.days[-1] for course in (first, second)):
        directions[:2] = directions[1::-1]  # their bank lists the newest entry first
    singles = len(first.amounts) == 1, len(second.amounts) == 1
    return [[run for run in runs if _is_read_in(run, turned, singles)] for turned in directions]


def _is_read_in(run: Aligned, turned: tuple[bool, bool], singles: tuple[bool, bool]) -> bool:
    """Whether the run has these directions. A single entry reads alike in both."""
    directions = run.turned > 0, run.other_turned > 0
    pairs = zip(directions, turned, singles, strict=True)
    return all(single or is_reversed == direction for is_reversed, direction, single in pairs)


def _are_by_amount(first: Course, second: Course) -> bool:
    """Whether both list their entries by amount. Balances that show the order of entries rule it out."""
    return first.falls is None and second.falls is None and are_by_amount(first, second)


def _are_in_order(first: Course, second: Course) -> bool:
    """Whether balances between their entries show that both list them as they were booked."""
    return all(course.falls is not None or len(course.amounts) == 1 for course in (first, second))


def is_cut_within_a_day(first: Course, second: Course) -> bool:
    """Whether one of them begins or ends within a day that the other shows too."""
    if not _share_days(first, second):
        return False
    start, end = max(first.first, second.first), min(first.last, second.last)
    return first.before(start) != second.before(start) or first.after(end) != second.after(end)


def cut_days(first: Course, second: Course) -> frozenset[date]:
    """The days of which the two show different parts, because one of them was cut within the day."""
    first_days, second_days = _balances_by_day(first), _balances_by_day(second)
    return frozenset(day for day in first_days.keys() & second_days.keys() if first_days[day] != second_days[day])


def _balances_by_day(course: Course) -> dict[date, tuple[Decimal, Decimal]]:
    """For each day it shows, the balances before and after its entries."""
    changes: dict[date, Decimal] = {}
    for day, amount in course.booked:
        changes[day] = changes.get(day, Decimal()) + amount
    days = sorted(changes)
    balances = list(accumulate((changes[day] for day in days), initial=course.opening))
    return dict(zip(days, pairwise(balances), strict=True))


def may_lie_otherwise(first: Course, second: Course) -> bool:
    """Whether a balance comes back, so that there is more than one place where the two may continue or overlap."""
    if not is_cut_within_a_day(first, second):
        return False
    runs_by_direction = _runs_by_direction(first, second)
    places = {run.distance for run in next(filter(None, runs_by_direction), [])}
    lengths = {max(run.length for run in runs) for runs in runs_by_direction[:2] if runs}
    if len(places) + _may_continue(first, second) + _may_continue(second, first) > 1 or len(lengths) > 1:
        return True
    are_in_turn = follow(first.number, second.number) or follow(second.number, first.number)
    is_continued = continues(first, second) or continues(second, first)
    return is_continued and not are_in_turn and most_in_common(first, second) > 0


def overlap_in_another_direction(first: Course, second: Course) -> bool:
    """Whether they have a run of entries in common, but only if they are listed in a less likely direction."""
    if not is_cut_within_a_day(first, second):
        return False
    likely, *unlikely = _runs_by_direction(first, second) or [[]]
    return not likely and any(unlikely) and bool(runs_in_common(first, second))


def fit_in_another_order(first: Course, second: Course) -> bool:
    """Whether the two overlap by their balances, though not in the order in which they list their entries.

    Some exports are ordered by amount. What both have then leads from the opening of one to the closing of the other.
    """
    if _are_in_order(first, second) or not (first.is_whole and second.is_whole and _are_cut_within_days(first, second)):
        return False
    if _are_by_amount(first, second):
        return not runs_in_common(first, second) and most_in_common(first, second) > 0
    if any(find_meeting(first, second)):
        return False
    common = sum((amount for _, amount in entries_in_both(first, second).elements()), Decimal())
    return bool(common) and common in (first.closing - second.opening, second.closing - first.opening)


def may_have_more_in_common(first: Course, second: Course) -> bool:
    """Whether they have a run in common as they are listed, and more entries if they are listed in another order."""
    runs = [] if _are_in_order(first, second) else runs_in_common(first, second)
    return bool(runs) and is_cut_within_a_day(first, second) and most_in_common(first, second) > runs[0].length


def leave_overlap_open(first: Course, second: Course) -> bool:
    """Whether they show different parts of a day, and balances do not show how much both have."""
    if not (first.is_whole and second.is_whole and is_cut_within_a_day(first, second)):
        return False
    if have_nothing_in_common(first, second) or runs_in_common(first, second):
        return False
    if first.closing == second.opening or second.closing == first.opening:
        return True
    shared = entries_in_both(first, second)
    start, end = max(first.first, second.first), min(first.last, second.last)
    return shared not in (between(first, start, end), between(second, start, end))


def may_hide_an_overlap(first: Course, second: Course) -> bool:
    """Whether their balances pass each other in listed order, and the entries may be listed in another order than
    booked.
    """
    if (
        _are_in_order(first, second)
        or continues(first, second)
        or continues(second, first)
        or not _pass_each_other(first, second)
    ):
        return False
    return most_in_common(first, second) > 0


def _pass_each_other(first: Course, second: Course) -> bool:
    if not (first.is_whole and second.is_whole and _share_days(first, second)):
        return False
    if not _are_cut_within_days(first, second):
        return False
    if _are_by_amount(first, second):
        return not runs_in_common(first, second) and not most_in_common(first, second)
    return not any(find_meeting(first, second)) and not fit_in_another_order(first, second)


def _share_days(first: Course, second: Course) -> bool:
    return max(first.first, second.first) <= min(first.last, second.last)


def _are_cut_within_days(first: Course, second: Course) -> bool:
    """Whether their balances differ both at the beginning and at the end of the days that they share.

    If they share a balance there, both show the day from it or up to it, in whatever order their bank lists it.
    """
    start, end = max(first.first, second.first), min(first.last, second.last)
    return first.before(start) != second.before(start) and first.after(end) != second.after(end)
