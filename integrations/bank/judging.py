"""Whether a stored statement and an arriving one have nothing in common, so that they share no entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from ingestion import Context
from integrations.bank import day_ends
from integrations.bank.alignment import Between, Runs, balance_steps
from integrations.bank.arrivals import Arrival, StoredRow, ledger
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.completing import Completed, complete_statement
from integrations.bank.courses import (
    Course,
    course,
    cut_days,
    have_nothing_in_common,
    may_hold_the_path,
    runs_in_common,
)
from integrations.bank.day_ends import StatementEnds
from integrations.bank.leading import Days, leads_by_balances, leads_by_numbers
from integrations.bank.listings import Listed, read_listing, read_order
from integrations.bank.models import BankSighting, BankStatement
from integrations.bank.numbering import page_of

Whole = tuple[Decimal, list[tuple[int, date, Decimal]], frozenset[date]]
"""The first balance of a statement, then position, day and amount of each entry in listed order, and the days whose
order is not known.
"""


class Judging:
    """The statements of a batch, and the stored statements they are compared with."""

    def __init__(self, ctx: Context, arrivals: Iterable[Arrival]) -> None:
        self._ctx = ctx
        self._arriving: dict[int, dict[int, tuple[date, Decimal, str]]] = defaultdict(dict)
        self._statements: dict[int, BankStatement] = {}
        for arrival in arrivals:
            self._statements[arrival.owner.statement_id] = arrival.owner.statement
            if arrival.entry.position is not None:
                place = self._arriving[arrival.owner.statement_id]
                place[arrival.entry.position] = arrival.entry.day, arrival.entry.amount, arrival.entry.bank_id
        self._courses: dict[int, Course | None] = {}
        self._places: dict[int, list[int]] = {}
        self._indexes: dict[int, dict[int, int]] = {}
        self._completed: dict[int, Completed | None] = {}
        self._compared: dict[tuple[int, int], bool] = {}
        self._disjoint_by_steps: set[frozenset[int]] = set()
        self._runs: dict[tuple[int, int], Runs] = {}
        self._ends: dict[int, StatementEnds | None] = {}
        self._cut_days: dict[tuple[int, int], frozenset[date]] = {}
        self._days = Days(ctx)

    def prefetch(self, statements: Iterable[int]) -> None:
        """Read these statements in one query."""
        if missing := set(statements) - self._statements.keys():
            self._statements.update(BankStatement.objects.for_tenant(self._ctx.tenant).in_bulk(missing))

    def meet_on(self, stored: int, arriving: int, day: date) -> bool:
        """Whether one of the two statements, both with balances, ends with this day and the other begins with it."""
        spans = [_span(self.statement(pk), self.course(pk)) for pk in (stored, arriving)]
        (first, last), (arriving_first, arriving_last) = spans
        return day in (last, arriving_last) and (last == arriving_first == day or arriving_last == first == day)

    def are_disjoint(self, stored: int, arriving: int) -> bool:
        """Whether the two statements have nothing in common."""
        if stored == arriving:
            return False
        if (stored, arriving) not in self._compared:
            self._compared[stored, arriving] = self._compare(self.statement(stored), self.statement(arriving))
        return self._compared[stored, arriving]

    def are_led_apart(self, stored: int, arriving: int) -> bool:
        """Whether only balances of other statements show that they are disjoint, while a run in common denies it."""
        return (
            self.are_disjoint(stored, arriving)
            and frozenset((stored, arriving)) in self._disjoint_by_steps
            and self.are_aligned(stored, arriving)
        )

    def are_pages(self, stored: int, arriving: int) -> bool:
        """Whether their numbers say that they are pages of one statement, and no balance denies it."""
        pages = _different_pages_of(self.statement(stored), self.statement(arriving))
        return pages is not None and self.are_disjoint(stored, arriving)

    def are_apart(self, stored: int, stored_position: int | None, arriving: int, arriving_position: int | None) -> bool:
        """Whether balances show that the entry of the stored statement is not the entry of the arriving one."""
        if self.are_disjoint(stored, arriving):
            return True
        if stored == arriving or stored_position is None or arriving_position is None:
            return False
        runs = self._runs_of(stored, arriving)
        if not runs:
            return False
        arriving_index = self._indexes[arriving].get(arriving_position)
        stored_index = self._indexes[stored].get(stored_position)
        return arriving_index is None or stored_index is None or not runs.pair(arriving_index, stored_index)

    def are_aligned(self, stored: int, arriving: int) -> bool:
        """Whether their balances show a run of entries that both have."""
        return bool(self._runs_of(stored, arriving))

    def partners(self, stored: int, arriving: int, position: int) -> Iterator[int]:
        """The positions in the stored statement where the entry at this position of the arriving one may stand."""
        runs = self._runs_of(stored, arriving)
        index = self._indexes.get(arriving, {}).get(position)
        return iter(()) if index is None else (self._places[stored][at] for at in runs.partners(index))

    def _runs_of(self, stored: int, arriving: int) -> Runs:
        if (stored, arriving) not in self._runs:
            first, second = self._courses_of(stored, arriving)
            runs = [] if first is None or second is None else runs_in_common(second, first)
            self._runs[stored, arriving] = Runs(runs)
        return self._runs[stored, arriving]

    def is_cut(self, stored: int, arriving: int, day: date) -> bool:
        """Whether one of the two, both with balances, was cut within a day that the other shows too."""
        if (stored, arriving) not in self._cut_days:
            first, second = self._courses_of(stored, arriving)
            days = frozenset[date]() if first is None or second is None else cut_days(first, second)
            self._cut_days[stored, arriving] = days
        return day in self._cut_days[stored, arriving]

    def ask(self, question: Callable[[Course, Course], bool], stored: int, arriving: int) -> bool:
        """What the question answers about the courses of the two; False if one of them has no course."""
        first, second = self.course(stored), self.course(arriving)
        return first is not None and second is not None and question(first, second)

    def _compare(self, stored: BankStatement, arriving: BankStatement) -> bool:
        if (pages := _different_pages_of(stored, arriving)) is not None:
            earlier, later = (stored, arriving) if pages[0] < pages[1] else (arriving, stored)
            if abs(pages[0] - pages[1]) > 1 or None in (earlier.closing, later.opening):
                return True
            return earlier.closing == later.opening
        if self._share_no_step(stored.pk, arriving.pk):
            return True
        courses = self._courses_of(stored.pk, arriving.pk)
        if courses[0] is None or courses[1] is None:
            return False
        if have_nothing_in_common(courses[0], courses[1]):
            return True
        if courses[0].still & courses[1].still:
            return False
        pairs = ((stored, courses[0], arriving, courses[1]), (arriving, courses[1], stored, courses[0]))
        return any(
            first_course.last == second_course.first and self._follows(first, first_course, second, second_course)
            for first, first_course, second, second_course in pairs
        )

    def _follows(
        self, first: BankStatement, first_course: Course, second: BankStatement, second_course: Course
    ) -> bool:
        """Whether stored statements of the day that the two share lead from the first to the second."""
        steps = self._days.steps(first, second, second_course.first)
        if leads_by_numbers(first, second, steps):
            return True
        if not (first_course.is_whole and second_course.is_whole):
            return False
        if not leads_by_balances(first, second, steps) or may_hold_the_path(first_course, second_course):
            return False
        self._disjoint_by_steps.add(frozenset((first.pk, second.pk)))
        return True

    def turning_balances(self, pk: int) -> tuple[Decimal, Decimal] | None:
        """The two balances between which the entries of a statement go, if they read alike from both ends."""
        return read_order(self.statement(pk).listing).between

    def _share_no_step(self, stored: int, arriving: int) -> bool:
        """Whether one of the two reads alike from both ends, and the other never goes between its balances that day."""
        if not (self.turning_balances(stored) or self.turning_balances(arriving)):
            return False
        steps = self._steps_of(stored), self._steps_of(arriving)
        return steps[0] is not None and steps[1] is not None and not steps[0] & steps[1]

    def _steps_of(self, pk: int) -> frozenset[Between] | None:
        """Between which balances each entry goes; None if they are not known."""
        if (balances := self.turning_balances(pk)) is not None:
            return frozenset((day, *balances) for day, *_ in self._listed(self.statement(pk)).values())
        statement_course = self.course(pk)
        return balance_steps(statement_course) if statement_course is not None and statement_course.is_whole else None

    def statement(self, pk: int) -> BankStatement:
        self.prefetch([pk])
        return self._statements[pk]

    def returns_to_opening(self, pk: int, day: date) -> bool:
        """Whether stored statements of that day lead from where this statement ends to where it begins."""
        statement = self.statement(pk)
        return leads_by_balances(statement, statement, self._days.steps(statement, statement, day))

    def ends(self, pk: int) -> StatementEnds | None:
        """What a statement without balances lists of its first and last day."""
        if pk not in self._ends:
            self._ends[pk] = day_ends.read_ends(self.statement(pk).listing)
        return self._ends[pk]

    def course(self, pk: int) -> Course | None:
        """The course of what is stored of the statement and what arrives of it; None without balances."""
        statement = self.statement(pk)
        if statement.opening is None or statement.closing is None:
            return None
        if pk not in self._courses:
            places = self._listed(statement)
            self._places[pk] = sorted(places)
            self._indexes[pk] = {position: index for index, position in enumerate(self._places[pk])}
            entries = [places[position] for position in self._places[pk]]
            booked, ids = [(day, amount) for day, amount, _ in entries], (bank_id_of(name) for *_, name in entries)
            ends, falls = (statement.opening, statement.closing), read_order(statement.listing).falls
            self._courses[pk] = course(*ends, booked, statement.number, ids, falls=falls)
        return self._courses[pk]

    def is_of_an_earlier_page(self, row: StoredRow) -> bool:
        """Whether the row is an entry of its statement that comes before the entries of it that arrive.

        If another day or amount stands at its position by now, the entries came again in another order.
        """
        if row.position is None or row.position >= min(self._arriving[row.statement_id], default=0):
            return False
        course = self.course(row.statement_id)
        index = self._indexes[row.statement_id].get(row.position) if course is not None else None
        return course is None or index is None or course.booked_at(index) == (row.booked_on, row.amount)

    def _listed(self, statement: BankStatement) -> Listed:
        """The known entries of the statement by their positions."""
        if statement.listing is not None:
            places = read_listing(statement.listing)
        else:
            stored = ledger(self._ctx).filter(statement_id=statement.pk)
            rows = stored.values_list("position", "booked_on", "amount", "bank_id")
            sightings = BankSighting.objects.for_tenant(self._ctx.tenant).filter(statement_id=statement.pk)
            sighted_places = sightings.values_list("position", "entry__booked_on", "entry__amount", "entry__bank_id")
            places_of_all = (place for places in (sighted_places, rows) for place in places)
            places = {
                position: (day, amount, name) for position, day, amount, name in places_of_all if position is not None
            }
        return places | self._arriving.get(statement.pk, {})

    def whole_statement(self, pk: int) -> Whole | None:
        """A statement whose entries lead from one balance to the other; None if that is not proved."""
        statement_course = self.course(pk)
        if statement_course is None:
            return None
        completed = self._completed.get(pk) if statement_course.is_whole else self._complete(pk, statement_course)
        if completed is not None:
            entries = [(index, *entry) for index, entry in enumerate(completed.booked)]
            return statement_course.opening, entries, completed.filled
        if not statement_course.is_whole:
            return None
        listed = zip(self._places[pk], statement_course.booked, strict=True)
        return statement_course.opening, [(position, *entry) for position, entry in listed], frozenset()

    def _complete(self, pk: int, statement_course: Course) -> Completed | None:
        if pk not in self._completed:
            places = dict(zip(self._places[pk], statement_course.booked, strict=True))
            self._completed[pk] = complete_statement(self._ctx, self.statement(pk), places)
        return self._completed[pk]

    def _courses_of(self, stored: int, arriving: int) -> tuple[Course | None, Course | None]:
        """The courses of the two statements, each in the form in which the other one is compared with it."""
        first, second = self.course(stored), self.course(arriving)
        if first is None or second is None:
            return first, second
        return self._course_against(stored, first, second), self._course_against(arriving, second, first)

    def _course_against(self, pk: int, statement_course: Course, compared_course: Course) -> Course:
        """The course with the entries that other statements delivered since, if the balances prove them."""
        if self.statement(pk).listing is not None:
            return statement_course
        completed = self._complete(pk, statement_course)
        if completed is None:
            return statement_course
        # Of the days that both show the order must be known, and of what others delivered it is not. What is left may
        # tie all the same, where that changed no balance.
        if any(compared_course.first <= day <= compared_course.last for day in completed.filled):
            return replace(statement_course, is_whole=False)
        self._places[pk] = list(range(len(completed.booked)))
        self._indexes[pk] = {place: place for place in self._places[pk]}
        restored = course(statement_course.opening, statement_course.closing, completed.booked, statement_course.number)
        return statement_course if restored is None else replace(restored, still=statement_course.still)


def _different_pages_of(stored: BankStatement, arriving: BankStatement) -> tuple[int, int] | None:
    """The page numbers of the two, if they are different pages of one statement, else None."""
    first, second = (page_of(statement.reference, statement.number, statement.page) for statement in (stored, arriving))
    if first is None or second is None or first[0] != second[0] or first[1] == second[1]:
        return None
    return first[1], second[1]


def _span(statement: BankStatement, statement_course: Course | None) -> tuple[date | None, date | None]:
    """The days of the first and the last entry; None for both if the statement has no balances."""
    if statement_course is None:
        return None, None
    return statement.first_on or statement_course.first, statement.last_on or statement_course.last
