"""Whether a stored statement and an arriving one have nothing in common, so that no entry of both was sent again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

from ingestion import Context
from integrations.bank import day_ends
from integrations.bank.alignment import Between, Runs, steps_of
from integrations.bank.arrivals import Arrival, Row, ledger
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.completing import Completed, completed
from integrations.bank.courses import (
    Course,
    course,
    cut_days,
    have_nothing_in_common,
    may_hold_the_way,
    runs_in_common,
)
from integrations.bank.day_ends import Ends
from integrations.bank.leading import Days, leads_by_balances, leads_by_numbers
from integrations.bank.listings import Listed, kept, order
from integrations.bank.models import BankSighting, BankStatement
from integrations.bank.numbering import page_of

Whole = tuple[Decimal, list[tuple[int, date, Decimal]], frozenset[date]]
"""The first balance of a statement, position, day and amount of each entry as they are listed, and the days of which
the order is not known.
"""


class Judging:
    """The statements of a batch, and those that are held against them."""

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
        self._judged: dict[tuple[int, int], bool] = {}
        self._led: set[frozenset[int]] = set()
        self._runs: dict[tuple[int, int], Runs] = {}
        self._ends: dict[int, Ends | None] = {}
        self._cut: dict[tuple[int, int], frozenset[date]] = {}
        self._days = Days(ctx)

    def learn(self, statements: Iterable[int]) -> None:
        """Read these statements together."""
        if missing := set(statements) - self._statements.keys():
            self._statements.update(BankStatement.objects.for_tenant(self._ctx.tenant).in_bulk(missing))

    def meet_on(self, stored: int, own: int, day: date) -> bool:
        """Whether one of the two statements, both with balances, ends with this day and the other begins with it."""
        spans = [_span(self.statement(pk), self.course(pk)) for pk in (stored, own)]
        (first, last), (own_first, own_last) = spans
        return day in (last, own_last) and (last == own_first == day or own_last == first == day)

    def are_others(self, stored: int, own: int) -> bool:
        """Whether the statements of these ids have nothing in common."""
        if stored == own:
            return False
        if (stored, own) not in self._judged:
            self._judged[stored, own] = self._judge(self.statement(stored), self.statement(own))
        return self._judged[stored, own]

    def are_led_apart(self, stored: int, own: int) -> bool:
        """Whether they are others by the balances of statements between them alone, and yet have a run in common."""
        return self.are_others(stored, own) and frozenset((stored, own)) in self._led and self.are_aligned(stored, own)

    def are_pages(self, stored: int, own: int) -> bool:
        """Whether their numbers say that they are pages of one statement, and no balance denies it."""
        return _pages(self.statement(stored), self.statement(own)) is not None and self.are_others(stored, own)

    def are_apart(self, stored: int, place: int | None, own: int, position: int | None) -> bool:
        """Whether an entry of the first statement is none of the second, going by their balances."""
        if self.are_others(stored, own):
            return True
        if stored == own or place is None or position is None:
            return False
        runs = self._runs_of(stored, own)
        if not runs:
            return False
        index, at = self._indexes[own].get(position), self._indexes[stored].get(place)
        return index is None or at is None or not runs.pair(index, at)

    def are_aligned(self, stored: int, own: int) -> bool:
        """Whether their balances show a run of entries that both have."""
        return bool(self._runs_of(stored, own))

    def partners(self, stored: int, own: int, position: int) -> Iterator[int]:
        """The places in the stored statement where the entry at this position of the other may stand."""
        runs = self._runs_of(stored, own)
        index = self._indexes.get(own, {}).get(position)
        return iter(()) if index is None else (self._places[stored][at] for at in runs.partners(index))

    def _runs_of(self, stored: int, own: int) -> Runs:
        if (stored, own) not in self._runs:
            courses = self._pair(stored, own)
            self._runs[stored, own] = Runs(
                [] if courses[0] is None or courses[1] is None else runs_in_common(courses[1], courses[0])
            )
        return self._runs[stored, own]

    def is_cut(self, stored: int, own: int, day: date) -> bool:
        """Whether one of the two, both with balances, was cut within a day that the other shows too."""
        if (stored, own) not in self._cut:
            of_stored, of_own = self._pair(stored, own)
            self._cut[stored, own] = frozenset() if of_stored is None or of_own is None else cut_days(of_stored, of_own)
        return day in self._cut[stored, own]

    def say(self, question: Callable[[Course, Course], bool], stored: int, own: int) -> bool:
        """What the courses of the two answer; no where one of them has none."""
        courses = self.course(stored), self.course(own)
        return courses[0] is not None and courses[1] is not None and question(courses[0], courses[1])

    def _judge(self, stored: BankStatement, own: BankStatement) -> bool:
        if (pages := _pages(stored, own)) is not None:
            earlier, later = (stored, own) if pages[0] < pages[1] else (own, stored)
            if abs(pages[0] - pages[1]) > 1 or None in (earlier.closing, later.opening):
                return True
            return earlier.closing == later.opening
        if self._share_no_step(stored.pk, own.pk):
            return True
        courses = self._pair(stored.pk, own.pk)
        if courses[0] is None or courses[1] is None:
            return False
        if have_nothing_in_common(courses[0], courses[1]):
            return True
        if courses[0].still & courses[1].still:
            return False
        pairs = ((stored, courses[0], own, courses[1]), (own, courses[1], stored, courses[0]))
        return any(a.last == b.first and self._follows(first, a, second, b) for first, a, second, b in pairs)

    def _follows(self, first: BankStatement, before: Course, second: BankStatement, after: Course) -> bool:
        """Whether stored statements of the day that the two share lead from the first to the second."""
        steps = self._days.steps(first, second, after.first)
        if leads_by_numbers(first, second, steps):
            return True
        if not (before.is_whole and after.is_whole):
            return False
        if not leads_by_balances(first, second, steps) or may_hold_the_way(before, after):
            return False
        self._led.add(frozenset((first.pk, second.pk)))
        return True

    def turns(self, pk: int) -> tuple[Decimal, Decimal] | None:
        """The balances between which the entries of a statement go, where they read alike from both ends."""
        return order(self.statement(pk).listing).between

    def _share_no_step(self, stored: int, own: int) -> bool:
        """Whether one of the two reads alike from both ends, and the other never goes between its balances that day."""
        if not (self.turns(stored) or self.turns(own)):
            return False
        steps = self._steps_of(stored), self._steps_of(own)
        return steps[0] is not None and steps[1] is not None and not steps[0] & steps[1]

    def _steps_of(self, pk: int) -> frozenset[Between] | None:
        """Between which balances each entry goes; None where they are not known."""
        if (balances := self.turns(pk)) is not None:
            return frozenset((day, *balances) for day, *_ in self._listed(self.statement(pk)).values())
        own = self.course(pk)
        return steps_of(own) if own is not None and own.is_whole else None

    def statement(self, pk: int) -> BankStatement:
        self.learn([pk])
        return self._statements[pk]

    def comes_back(self, pk: int, day: date) -> bool:
        """Whether stored statements of that day lead from where this one ends to where it begins."""
        own = self.statement(pk)
        return leads_by_balances(own, own, self._days.steps(own, own, day))

    def ends(self, pk: int) -> Ends | None:
        """What a statement without balances lists of its first and last day."""
        if pk not in self._ends:
            self._ends[pk] = day_ends.read(self.statement(pk).listing)
        return self._ends[pk]

    def course(self, pk: int) -> Course | None:
        """Of what is stored as the statement's, and what arrives of it."""
        statement = self.statement(pk)
        if statement.opening is None or statement.closing is None:
            return None
        if pk not in self._courses:
            places = self._listed(statement)
            self._places[pk] = sorted(places)
            self._indexes[pk] = {position: index for index, position in enumerate(self._places[pk])}
            entries = [places[position] for position in self._places[pk]]
            booked, ids = [(day, amount) for day, amount, _ in entries], (bank_id_of(name) for *_, name in entries)
            ends, falls = (statement.opening, statement.closing), order(statement.listing).falls
            self._courses[pk] = course(*ends, booked, statement.number, ids, falls=falls)
        return self._courses[pk]

    def is_of_an_earlier_page(self, row: Row) -> bool:
        """Whether the row is an entry of its statement that comes before what arrives of that.

        Where another day or amount stands at its place by now, the entries came again in another order.
        """
        if row.position is None or row.position >= min(self._arriving[row.statement_id], default=0):
            return False
        course = self.course(row.statement_id)
        index = self._indexes[row.statement_id].get(row.position) if course is not None else None
        return course is None or index is None or course.booked_at(index) == (row.booked_on, row.amount)

    def _listed(self, statement: BankStatement) -> Listed:
        """The entries that are known as the statement's."""
        if statement.listing is not None:
            places = kept(statement.listing)
        else:
            rows = (
                ledger(self._ctx)
                .filter(statement_id=statement.pk)
                .values_list("position", "booked_on", "amount", "bank_id")
            )
            seen = BankSighting.objects.for_tenant(self._ctx.tenant).filter(statement_id=statement.pk)
            shared = seen.values_list("position", "entry__booked_on", "entry__amount", "entry__bank_id")
            listed = (place for places in (shared, rows) for place in places)
            places = {position: (day, amount, name) for position, day, amount, name in listed if position is not None}
        return places | self._arriving.get(statement.pk, {})

    def whole(self, pk: int) -> Whole | None:
        """A statement whose entries lead from one balance to the other, None where that is not proved."""
        own = self.course(pk)
        if own is None:
            return None
        if not own.is_whole and pk not in self._completed:
            places = dict(zip(self._places[pk], own.booked, strict=True))
            self._completed[pk] = completed(self._ctx, self.statement(pk), places)
        whole = self._completed.get(pk)
        if whole is not None:
            return own.opening, [(at, *entry) for at, entry in enumerate(whole.booked)], whole.filled
        if not own.is_whole:
            return None
        listed = zip(self._places[pk], own.booked, strict=True)
        return own.opening, [(at, *entry) for at, entry in listed], frozenset()

    def _pair(self, stored: int, own: int) -> tuple[Course | None, Course | None]:
        """The courses of two statements as far as they are held against each other."""
        courses = self.course(stored), self.course(own)
        if courses[0] is None or courses[1] is None:
            return courses
        return self._against(stored, courses[0], courses[1]), self._against(own, courses[1], courses[0])

    def _against(self, pk: int, own: Course, other: Course) -> Course:
        """With the entries of other days that other statements delivered since, where the balances prove them."""
        if self.statement(pk).listing is not None:
            return own
        if pk not in self._completed:
            places = dict(zip(self._places[pk], own.booked, strict=True))
            self._completed[pk] = completed(self._ctx, self.statement(pk), places)
        whole = self._completed[pk]
        if whole is None:
            return own
        # Of the days that both show the order must be known, and of what others delivered it is not. What is left may
        # tie all the same, where that changed no balance.
        if any(other.first <= day <= other.last for day in whole.filled):
            return replace(own, is_whole=False)
        self._places[pk] = list(range(len(whole.booked)))
        self._indexes[pk] = {place: place for place in self._places[pk]}
        restored = course(own.opening, own.closing, whole.booked, own.number)
        return own if restored is None else replace(restored, still=own.still)


def _pages(stored: BankStatement, own: BankStatement) -> tuple[int, int] | None:
    """Which pages of one statement they are, None for statements of their own and for the same page."""
    first, second = (page_of(each.reference, each.number, each.page) for each in (stored, own))
    if first is None or second is None or first[0] != second[0] or first[1] == second[1]:
        return None
    return first[1], second[1]


def _span(statement: BankStatement, booked: Course | None) -> tuple[date | None, date | None]:
    """The days of the first and the last entry; none where the statement has no balances."""
    if booked is None:
        return None, None
    return statement.first_on or booked.first, statement.last_on or booked.last
