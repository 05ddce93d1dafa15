"""Days of which files without balances show different parts: an entry sent again looks like a twin there.

Banks export whole days, so of two files that show a day, the one that has all of it was made later, or is whole. If
none of the files that show a day has all that is stored of it, the day came in parts, and an entry in two of them may
as well be two entries. Equal entries count once, and the run names them. Only several files together may show this, so
the run keeps as sightings which file delivered an entry of a day at its ends.

An unreadable entry belongs to no day for certain: if a file would have all of the day but for such entries, the run
says that the day is not checked. Entries that are not booked are no part of a day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import date
from decimal import Decimal
from enum import IntEnum

from ingestion import Context, counted
from integrations.bank import day_ends
from integrations.bank.arrivals import Arrival, StoredRow, ledger, read_rows, without_earlier_pages
from integrations.bank.contradictions import describe_statement
from integrations.bank.day_ends import DayEntries
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting, BankStatement
from integrations.bank.numbering import page_of
from integrations.bank.stakes import DoubtfulEntry, describe_stakes

_Day = tuple[int, date]
"""An account and a day."""
Amounts = Mapping[Decimal, int]
"""How often each amount occurs."""
_NONE: Amounts = {}


class DayCover(IntEnum):
    """Whether a file has all that is stored of a day."""

    WHOLE = 0
    UNREAD = 1
    """All but the entries that cannot be read."""
    PARTS = 2


def note_partial_days(ctx: Context, ids: Ids, judging: Judging, arrivals: Sequence[Arrival]) -> list[str]:
    """A note for each day and two files whose entries of the day are in doubt. Call it before the entries are
    loaded.
    """
    placed = [
        arrival for arrival in arrivals if not arrival.owner.account_is_new and arrival.entry.position is not None
    ]
    judging.prefetch(
        {arrival.owner.statement_id for arrival in placed}
        | {arrival.stored.statement_id for arrival in placed if arrival.stored is not None}
    )
    ends = {pk: set(days) for pk, days in _ends_by_statement(judging, placed).items()}
    of_day: dict[tuple[int, _Day], list[Arrival]] = defaultdict(list)
    for arrival in placed:
        arriving_pk = arrival.owner.statement_id
        if arrival.entry.day in ends[arriving_pk]:
            of_day[arriving_pk, (arrival.owner.account_id, arrival.entry.day)].append(arrival)
    undecided_days = {
        key: entries for key, entries in of_day.items() if _may_be_undecided(ids, judging, key[0], entries)
    }
    arriving_pks = {arriving_pk for arriving_pk, _ in undecided_days}
    are_shared = any(
        arrival.stored and arrival.stored.statement_id not in arriving_pks
        for group in undecided_days.values()
        for arrival in group
    )
    if not undecided_days or not (
        are_shared or _have_more_statements(ctx, {account for _, (account, _) in undecided_days}, arriving_pks)
    ):
        return []
    days = _StoredDays(ctx, judging, {day for _, day in undecided_days}, arrivals)
    return [
        sentence
        for (arriving_pk, day), entries in undecided_days.items()
        if days.rows[day]
        for sentence in _note_day(ids, days, arriving_pk, day, entries)
    ]


def _have_more_statements(ctx: Context, accounts: Set[int], arriving: Set[int]) -> bool:
    """Whether the accounts have other statements. Without this a long first statement would read its day again with
    each page.
    """
    return (
        BankStatement.objects.for_tenant(ctx.tenant).filter(account_id__in=accounts).exclude(pk__in=arriving).exists()
    )


def _ends_by_statement(judging: Judging, arrivals: Sequence[Arrival]) -> dict[int, tuple[date | None, ...]]:
    """The first and the last day of each statement, which it may show in part."""
    days: dict[int, list[date]] = defaultdict(list)
    for arrival in arrivals:
        days[arrival.owner.statement_id].append(arrival.entry.day)
    return {pk: ends_of(judging, pk) or (min(arrived), max(arrived)) for pk, arrived in days.items()}


def ends_of(judging: Judging, pk: int) -> tuple[date | None, ...]:
    """The first and the last day of a statement; () if its first record did not say."""
    statement = judging.statement(pk)
    if (days := day_ends.read_span(statement.listing)) is not None:
        return days
    return (statement.first_on, statement.last_on) if statement.first_on else ()


def _may_be_undecided(ids: Ids, judging: Judging, arriving_pk: int, arrivals: Sequence[Arrival]) -> bool:
    if any(_is_undecided(ids, judging, arrival) for arrival in arrivals):
        return True
    return judging.statement(arriving_pk).first_on is None and any(arrival.stored is None for arrival in arrivals)


def is_undecided(ids: Ids, judging: Judging, arrival: Arrival, row: StoredRow) -> bool:
    """Whether the row of another statement may be the entry: neither balances nor ids nor page numbers decide it."""
    arriving_pk, stored_pk = arrival.owner.statement_id, row.statement_id
    if arriving_pk == stored_pk or row.withdrawn or arrival.entry.position is None:
        return False
    if bank_id(arrival.entry) and ids is not Ids.IGNORE:
        return False
    if all(map(judging.course, (arriving_pk, stored_pk))) or any(
        map(judging.turning_balances, (arriving_pk, stored_pk))
    ):
        return False
    return not judging.are_disjoint(stored_pk, arriving_pk)


def _is_undecided(ids: Ids, judging: Judging, arrival: Arrival) -> bool:
    return arrival.stored is not None and is_undecided(ids, judging, arrival, arrival.stored)


def _note_day(ids: Ids, days: _StoredDays, arriving_pk: int, day: _Day, entries: Sequence[Arrival]) -> Iterator[str]:
    """The notes on one arriving statement and day."""
    doubtful: dict[tuple[int, int], list[DoubtfulEntry]] = defaultdict(list)
    resent_pks = set()
    for arrival in entries:
        if arrival.stored is not None and is_undecided(ids, days.judging, arrival, arrival.stored):
            doubtful[arrival.stored.statement_id, arriving_pk].append(arrival)
            resent_pks.add(arrival.stored.pk)
    unreadable = days.unreadable(day, arriving_pk)
    for arrival in entries if unreadable else ():
        unreadable -= day_ends.short_traits(arrival.entry.account.known_by, arrival.entry, ids)
    arriving = Counter(arrival.amount for arrival in entries)
    retold = days.amounts_of_new_texts(day, arriving_pk, entries)
    cover_before = days.cover(day, unreadable, excluded_pk=arriving_pk)
    cover_now = days.cover(day, unreadable, arriving_pk=arriving_pk, arriving=arriving, retold=retold)
    if cover_now > cover_before:
        for pair, row in days.delivered_twice(day):
            if row.pk not in resent_pks:
                doubtful[pair].append(row)
    for pair, of_pair in doubtful.items() if cover_now else ():
        names = " and ".join(describe_statement(days.judging.statement(pk)) for pk in pair)
        if cover_now is DayCover.PARTS:
            yield (
                f"The statements {names} show different parts of {day[1]} and have no balances: equal entries of both "
                f"count once, since nothing tells one sent again from two. {describe_stakes(of_pair)} Compare the "
                "entries of "
                "that day with the bank's; export whole days."
            )
        else:
            count = counted(len(unreadable), "entry of that day", "entries of that day")
            yield (
                f"The statements {names} share entries of {day[1]} and have no balances, and {count} could not be "
                "read: whether they show different parts of the day is not checked, and equal entries of both count "
                f"once. {describe_stakes(of_pair)} Compare the entries of that day with the bank's."
            )


class _StoredDays:
    """What is stored of some days, and what each statement shows of them."""

    def __init__(self, ctx: Context, judging: Judging, days: Collection[_Day], arrivals: Sequence[Arrival]) -> None:
        self.judging = judging
        self.rows: dict[_Day, dict[int, StoredRow]] = defaultdict(dict)
        self._statements: dict[_Day, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        """The rows of a day by the statements that delivered them."""
        of_days = {"account_id__in": {account for account, _ in days}, "booked_on__in": {day for _, day in days}}
        for row in read_rows(without_earlier_pages(ctx, ledger(ctx).filter(withdrawn="", **of_days), arrivals)):
            self.rows[row.account_id, row.booked_on][row.pk] = row
            self._statements[row.account_id, row.booked_on][row.statement_id].add(row.pk)
        sightings = BankSighting.objects.for_tenant(ctx.tenant).filter(**of_days)
        for account, day, statement, entry in sightings.order_by("pk").values_list(
            "account_id", "booked_on", "statement_id", "entry_id"
        ):
            self._statements[account, day][statement].add(entry)
        judging.prefetch(pk for statements in self._statements.values() for pk in statements)

    def delivered_twice(self, day: _Day) -> Iterator[tuple[tuple[int, int], StoredRow]]:
        """The rows that two statements delivered, at least one of them without balances."""
        statements: dict[int, list[int]] = defaultdict(list)
        for statement, rows in self._statements[day].items():
            for pk in rows:
                statements[pk].append(statement)
        for pk, deliverers in statements.items():
            if len(deliverers) > 1 and pk in self.rows[day] and not all(map(self.judging.course, deliverers)):
                yield (min(deliverers), max(deliverers)), self.rows[day][pk]

    def amounts_of_new_texts(self, day: _Day, arriving_pk: int, entries: Sequence[Arrival]) -> Counter[Decimal]:
        """Amounts of new entries that equal those of stored entries which the file does not show: these have other
        texts.

        At the same position of a file with as many entries, the bank gave the same entry another text, see
        changed_texts.py.
        """
        resent_pks = {arrival.stored.pk for arrival in entries if arrival.stored is not None}
        remaining = [row for row in self.rows[day].values() if row.pk not in resent_pks]
        places = {(row.position, row.amount, self.judging.statement(row.statement_id).entries) for row in remaining}
        new = Counter(
            arrival.amount
            for arrival in entries
            if arrival.stored is None
            and (arrival.entry.position, arrival.amount, arrival.entry.statement.entries) not in places
        )
        on_other_pages = self._entries_of(arriving_pk, day).amounts - Counter(arrival.amount for arrival in entries)
        return new & (Counter(row.amount for row in remaining) - on_other_pages)

    def cover(
        self,
        day: _Day,
        unreadable: Set[str],
        *,
        arriving_pk: int = 0,
        excluded_pk: int = 0,
        arriving: Amounts = _NONE,
        retold: Amounts = _NONE,
    ) -> DayCover:
        """How much of the day one of the statements has: all stored ones and the arriving one, or all but
        `excluded_pk`.

        `unreadable` are the entries of all of them that cannot be read.
        """
        expected = Counter(row.amount for row in self.rows[day].values())
        by_statement: dict[object, DayEntries] = defaultdict(DayEntries)
        for pk in {*self._statements[day], arriving_pk} - {excluded_pk, 0}:
            part, statement = self._entries_of(pk, day), self.judging.statement(pk)
            if pk == arriving_pk:
                part.amounts |= Counter(arriving)
                expected |= part.amounts
            page = page_of(statement.reference, statement.number, statement.page)
            by_statement[page[0] if page else pk].amounts += part.amounts
            by_statement[page[0] if page else pk].unreadable |= part.unreadable
        expected.update(retold)
        complete = [part for part in by_statement.values() if not expected - part.amounts]
        if any(unreadable <= part.unreadable for part in complete):
            return DayCover.WHOLE
        return DayCover.UNREAD if complete else DayCover.PARTS

    def unreadable(self, day: _Day, arriving_pk: int) -> set[str]:
        return {name for pk in (*self._statements[day], arriving_pk) for name in self._entries_of(pk, day).unreadable}

    def _entries_of(self, pk: int, day: _Day) -> DayEntries:
        """What the statement's file lists of the day, else the rows that are known to have come with it."""
        course = self.judging.course(pk)
        if course is not None:
            return DayEntries(Counter(amount for on, amount in course.booked if on == day[1]))
        ends = self.judging.ends(pk)
        kept_entries = ends.entries_of(day[1]) if ends is not None else None
        amounts = kept_entries.amounts if kept_entries is not None else self._delivered(pk, day)
        return DayEntries(Counter(amounts), ends.unreadable_on(day[1]) if ends is not None else set())

    def _delivered(self, pk: int, day: _Day) -> Counter[Decimal]:
        rows = self.rows[day]
        return Counter(rows[row].amount for row in self._statements[day].get(pk, ()) if row in rows)
