"""Days of which files without balances show different parts: nothing tells an entry sent again from a twin.

Exports are of whole days, so of two files that show a day the one that has all of it was made later, or is whole. Where
none of the files that show a day has all that is stored of it, it came in parts, and an entry that two of them have may
as well be two. Equal entries count once, and the run names them. Files may show that only together, so which of them
delivered an entry of a day at their ends is kept as sightings.

An entry that cannot be read is of nobody's: where a file would have all of the day but for such entries, the run says
that it is not checked. What is not booked is no part of a day.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from datetime import date
from decimal import Decimal
from enum import IntEnum

from ingestion import Context, counted
from integrations.bank import day_ends
from integrations.bank.arrivals import Arrival, Row, ledger, of_others, read
from integrations.bank.contradictions import shown
from integrations.bank.day_ends import Shown
from integrations.bank.identity import Ids, bank_id
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting, BankStatement
from integrations.bank.numbering import page_of
from integrations.bank.stakes import Doubted, at_stake

_Day = tuple[int, date]
"""An account and a day."""
Amounts = Mapping[Decimal, int]
"""How often each amount stands there."""
_NONE: Amounts = {}


class Cover(IntEnum):
    """Whether a file has all that is stored of a day."""

    WHOLE = 0
    UNREAD = 1
    """But for entries that cannot be read."""
    PARTS = 2


def told(ctx: Context, ids: Ids, judging: Judging, arrivals: Sequence[Arrival]) -> list[str]:
    """A sentence for each two files and day of which entries of both are in doubt, before they are loaded."""
    placed = [
        arrival for arrival in arrivals if not arrival.owner.account_is_new and arrival.entry.position is not None
    ]
    judging.learn(
        {arrival.owner.statement_id for arrival in placed}
        | {arrival.stored.statement_id for arrival in placed if arrival.stored is not None}
    )
    ends = {pk: set(days) for pk, days in _ends(judging, placed).items()}
    of_day: dict[tuple[int, _Day], list[Arrival]] = defaultdict(list)
    for arrival in placed:
        own = arrival.owner.statement_id
        if arrival.entry.day in ends[own]:
            of_day[own, (arrival.owner.account_id, arrival.entry.day)].append(arrival)
    open_days = {key: entries for key, entries in of_day.items() if _may_be_open(ids, judging, key[0], entries)}
    owns = {own for own, _ in open_days}
    are_seen = any(each.stored and each.stored.statement_id not in owns for some in open_days.values() for each in some)
    if not open_days or not (are_seen or _have_others(ctx, {account for _, (account, _) in open_days}, owns)):
        return []
    days = _Days(ctx, judging, {day for _, day in open_days}, arrivals)
    return [
        sentence
        for (own, day), entries in open_days.items()
        if days.rows[day]
        for sentence in _told(ids, days, own, day, entries)
    ]


def _have_others(ctx: Context, accounts: Set[int], own: Set[int]) -> bool:
    """Whether the accounts have other statements: a long first one would read its day again with each page."""
    return BankStatement.objects.for_tenant(ctx.tenant).filter(account_id__in=accounts).exclude(pk__in=own).exists()


def _ends(judging: Judging, arrivals: Sequence[Arrival]) -> dict[int, tuple[date | None, ...]]:
    """The first and the last day of each statement, which it may show in part."""
    days: dict[int, list[date]] = defaultdict(list)
    for arrival in arrivals:
        days[arrival.owner.statement_id].append(arrival.entry.day)
    return {pk: ends_of(judging, pk) or (min(arrived), max(arrived)) for pk, arrived in days.items()}


def ends_of(judging: Judging, pk: int) -> tuple[date | None, ...]:
    """The first and the last day of a statement; () where its first record did not say."""
    statement = judging.statement(pk)
    if (days := day_ends.span(statement.listing)) is not None:
        return days
    return (statement.first_on, statement.last_on) if statement.first_on else ()


def _may_be_open(ids: Ids, judging: Judging, own: int, arrivals: Sequence[Arrival]) -> bool:
    if any(_is_doubted(ids, judging, arrival) for arrival in arrivals):
        return True
    return judging.statement(own).first_on is None and any(arrival.stored is None for arrival in arrivals)


def is_left_open(ids: Ids, judging: Judging, arrival: Arrival, row: Row) -> bool:
    """Whether neither balances nor ids nor page numbers tell that the entry is the row of another statement, or not."""
    own, other = arrival.owner.statement_id, row.statement_id
    if own == other or row.withdrawn or arrival.entry.position is None:
        return False
    if bank_id(arrival.entry) and ids is not Ids.IGNORE:
        return False
    if all(map(judging.course, (own, other))) or any(map(judging.turns, (own, other))):
        return False
    return not judging.are_others(other, own)


def _is_doubted(ids: Ids, judging: Judging, arrival: Arrival) -> bool:
    return arrival.stored is not None and is_left_open(ids, judging, arrival, arrival.stored)


def _told(ids: Ids, days: _Days, own: int, day: _Day, entries: Sequence[Arrival]) -> Iterator[str]:
    """The sentences of one arriving statement and day."""
    doubted: dict[tuple[int, int], list[Doubted]] = defaultdict(list)
    again = set()
    for arrival in entries:
        if arrival.stored is not None and is_left_open(ids, days.judging, arrival, arrival.stored):
            doubted[arrival.stored.statement_id, own].append(arrival)
            again.add(arrival.stored.pk)
    unread = days.unread(day, own)
    for each in entries if unread else ():
        unread -= day_ends.traits(each.entry.account.known_by, each.entry, ids)
    arriving = Counter(arrival.amount for arrival in entries)
    strange = days.strange(day, own, entries)
    before = days.cover(day, unread, without=own)
    now = days.cover(day, unread, own=own, arriving=arriving, strange=strange)
    if now > before:
        for pair, row in days.delivered_twice(day):
            if row.pk not in again:
                doubted[pair].append(row)
    for pair, of_pair in doubted.items() if now else ():
        named = " and ".join(shown(days.judging.statement(pk)) for pk in pair)
        if now is Cover.PARTS:
            yield (
                f"The statements {named} show different parts of {day[1]} and have no balances: equal entries of both "
                f"count once, since nothing tells one sent again from two. {at_stake(of_pair)} Compare the entries of "
                "that day with the bank's; export whole days."
            )
        else:
            count = counted(len(unread), "entry of that day", "entries of that day")
            yield (
                f"The statements {named} share entries of {day[1]} and have no balances, and {count} could not be "
                "read: whether they show different parts of the day is not checked, and equal entries of both count "
                f"once. {at_stake(of_pair)} Compare the entries of that day with the bank's."
            )


class _Days:
    """What is stored of some days, and what each statement shows of them."""

    def __init__(self, ctx: Context, judging: Judging, days: Collection[_Day], arrivals: Sequence[Arrival]) -> None:
        self.judging = judging
        self.rows: dict[_Day, dict[int, Row]] = defaultdict(dict)
        self._statements: dict[_Day, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        """The rows of a day by the statements that delivered them."""
        of_days = {"account_id__in": {account for account, _ in days}, "booked_on__in": {day for _, day in days}}
        for row in read(of_others(ctx, ledger(ctx).filter(withdrawn="", **of_days), arrivals)):
            self.rows[row.account_id, row.booked_on][row.pk] = row
            self._statements[row.account_id, row.booked_on][row.statement_id].add(row.pk)
        sightings = BankSighting.objects.for_tenant(ctx.tenant).filter(**of_days)
        for account, day, statement, entry in sightings.order_by("pk").values_list(
            "account_id", "booked_on", "statement_id", "entry_id"
        ):
            self._statements[account, day][statement].add(entry)
        judging.learn(pk for statements in self._statements.values() for pk in statements)

    def delivered_twice(self, day: _Day) -> Iterator[tuple[tuple[int, int], Row]]:
        """The rows that two statements delivered, of which one has no balances."""
        statements: dict[int, list[int]] = defaultdict(list)
        for statement, rows in self._statements[day].items():
            for pk in rows:
                statements[pk].append(statement)
        for pk, both in statements.items():
            if len(both) > 1 and pk in self.rows[day] and not all(map(self.judging.course, both)):
                yield (min(both), max(both)), self.rows[day][pk]

    def strange(self, day: _Day, own: int, entries: Sequence[Arrival]) -> Counter[Decimal]:
        """The amounts of new entries that stored ones have which the file does not show: these have other texts.

        In the same place of a file of as many entries it is one that the bank gave another text, see changed_texts.py.
        """
        again = {arrival.stored.pk for arrival in entries if arrival.stored is not None}
        others = [row for row in self.rows[day].values() if row.pk not in again]
        places = {(row.position, row.amount, self.judging.statement(row.statement_id).entries) for row in others}
        new = Counter(
            arrival.amount
            for arrival in entries
            if arrival.stored is None
            and (arrival.entry.position, arrival.amount, arrival.entry.statement.entries) not in places
        )
        on_other_pages = self._shown(own, day).amounts - Counter(arrival.amount for arrival in entries)
        return new & (Counter(row.amount for row in others) - on_other_pages)

    def cover(
        self,
        day: _Day,
        unread: Set[str],
        *,
        own: int = 0,
        without: int = 0,
        arriving: Amounts = _NONE,
        strange: Amounts = _NONE,
    ) -> Cover:
        """How far one of the statements has all of the day: those that are stored, with the arriving one or without.

        `unread` are the entries of all of them that cannot be read.
        """
        everything = Counter(row.amount for row in self.rows[day].values())
        whole: dict[object, Shown] = defaultdict(Shown)
        for pk in {*self._statements[day], own} - {without, 0}:
            part, statement = self._shown(pk, day), self.judging.statement(pk)
            if pk == own:
                part.amounts |= Counter(arriving)
                everything |= part.amounts
            page = page_of(statement.reference, statement.number, statement.page)
            whole[page[0] if page else pk].amounts += part.amounts
            whole[page[0] if page else pk].unread |= part.unread
        everything.update(strange)
        having_all = [part for part in whole.values() if not everything - part.amounts]
        if any(unread <= part.unread for part in having_all):
            return Cover.WHOLE
        return Cover.UNREAD if having_all else Cover.PARTS

    def unread(self, day: _Day, own: int) -> set[str]:
        return {name for pk in (*self._statements[day], own) for name in self._shown(pk, day).unread}

    def _shown(self, pk: int, day: _Day) -> Shown:
        """What its file lists of the day, else what is known to have come with it."""
        course = self.judging.course(pk)
        if course is not None:
            return Shown(Counter(amount for on, amount in course.booked if on == day[1]))
        ends = self.judging.ends(pk)
        listed = ends.shown(day[1]) if ends is not None else None
        amounts = listed.amounts if listed is not None else self._delivered(pk, day)
        return Shown(Counter(amounts), ends.unread(day[1]) if ends is not None else set())

    def _delivered(self, pk: int, day: _Day) -> Counter[Decimal]:
        rows = self.rows[day]
        return Counter(rows[row].amount for row in self._statements[day].get(pk, ()) if row in rows)
