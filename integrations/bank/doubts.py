"""What the files leave open: whether equal entries of two statements were sent again or are two. The run says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db.models import Q

from ingestion import Context
from integrations.bank.arrivals import Arrival, Row, chunks, ledger, of_others
from integrations.bank.contradictions import shown
from integrations.bank.courses import (
    fit_in_another_order,
    leave_it_open,
    may_have_more_in_common,
    may_hide_an_overlap,
    may_lie_otherwise,
)
from integrations.bank.judging import Judging
from integrations.bank.numbering import is_numbered
from integrations.bank.schema import StatementHead

_SHOWN = 5
Equal = tuple[Arrival, Row]
"""An entry, and a stored one of its look."""
_Pair = tuple[int, int]
"""A stored statement and an arriving one."""


def told(ctx: Context, judging: Judging, arrivals: Sequence[Arrival], elsewhere: Sequence[Equal]) -> list[str]:
    """A sentence for each pair of statements that leaves it open, before anything is decided about their entries.

    `elsewhere` are entries with a stored one of their look, of another statement.
    """
    of_pair: dict[_Pair, list[Equal]] = defaultdict(list)
    for arrival, row in elsewhere:
        of_pair[row.statement_id, arrival.owner.statement_id].append((arrival, row))
    pairs = sorted(pair for pair in of_pair if not judging.are_pages(*pair))
    proved = [pair for pair in pairs if all(map(judging.course, pair))]
    with_balances = (
        f"{_named(judging, *pair)} {doubt} {_at_stake(of_pair[pair])} Compare them with the bank's."
        for pair in proved
        if (doubt := _doubt(judging, *pair, of_pair[pair]))
    )
    turning = [pair for pair in pairs if any(map(judging.turns, pair))]
    read_alike = (
        f"{_named(judging, *pair)} share entries, and one of them goes there and back between two balances, so that it "
        "reads alike from both ends: an entry that goes the same way again cannot be told from one sent again, and "
        f"counts once. {_at_stake(of_pair[pair])} Compare them with the bank's."
        for pair in turning
        if not (judging.are_others(*pair) or _shows_all_of(judging, pair, of_pair[pair]))
    )
    told_of = {*proved, *turning}
    unproved = [pair for pair in pairs if pair not in told_of and pair[0] != pair[1]]
    return [*with_balances, *read_alike, *_without_balances(ctx, judging, arrivals, unproved)]


def _shows_all_of(judging: Judging, pair: _Pair, equals: Sequence[Equal]) -> bool:
    """Whether one of the two has balances, and days before and after the equal entries: it shows all of theirs."""
    courses = [course for course in map(judging.course, pair) if course is not None]
    days = [arrival.entry.day for arrival, _ in equals]
    return any(course.first < min(days) and max(days) < course.last for course in courses)


def _doubt(judging: Judging, stored: int, own: int, equals: Sequence[Equal]) -> str:
    """What the balances of the two leave open, and what becomes of their equal entries; '' for nothing."""
    are_others = judging.are_others(stored, own)
    if not are_others and any(_changes_nothing(judging, each) for each in (stored, own)):
        return (
            "share entries, and one of them changes no balance and has no number: one that books the same again cannot "
            "be told from one sent again, and counts once."
        )
    if judging.say(may_lie_otherwise, stored, own):
        return (
            "show a part of a day, and a balance comes back in it: entries of both may as well be the same, sent "
            "again, or be two. "
        ) + (
            "All of them count, since one of the two continues the other."
            if are_others
            else "Those of the longest run that both show count once."
        )
    if judging.say(fit_in_another_order, stored, own):
        return (
            "show parts of a day that fit together in another order than the one in which they list their entries: "
            "equal entries of both count once."
        )
    if judging.say(may_hide_an_overlap, stored, own):
        return (
            "show equal entries of a day, between balances that run past each other as they are listed: all of them "
            "count. Where their bank lists entries by amount, some may have been sent again."
        )
    if _any_apart(judging, equals) and judging.say(may_have_more_in_common, stored, own):
        return (
            "show a run of entries between the same balances, and further equal ones: these count twice. Where their "
            "bank lists entries by amount, some may have been sent again."
        )
    if not are_others and judging.say(leave_it_open, stored, own):
        return (
            "show different parts of a day, and their balances do not tell how they lie to each other: equal entries "
            "of both count once."
        )
    return ""


def _any_apart(judging: Judging, equals: Sequence[Equal]) -> bool:
    return any(
        judging.are_apart(row.statement_id, row.position, arrival.owner.statement_id, arrival.entry.position)
        for arrival, row in equals
    )


def _at_stake(equals: Sequence[Equal]) -> str:
    return at_stake(list({arrival.key: arrival for arrival, _ in equals}.values()))


def at_stake(entries: Sequence[Arrival]) -> str:
    """The entries in doubt, and what they make of the ledger's difference."""
    more = f"; and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    change = sum((each.entry.amount for each in entries), Decimal()).normalize()
    shown = "; ".join(each.shown for each in entries[:_SHOWN])
    return f"In doubt: {shown}{more}; together {change:f}, by which the ledger may differ from the bank's balance."


def _changes_nothing(judging: Judging, pk: int) -> bool:
    one = judging.statement(pk)
    return one.opening == one.closing and one.first_on == one.last_on and not is_numbered(one.number)


def _named(judging: Judging, stored: int, own: int) -> str:
    return f"The statements {shown(judging.statement(stored))} and {shown(judging.statement(own))}"


def _without_balances(
    ctx: Context, judging: Judging, arrivals: Sequence[Arrival], pairs: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """Statements that show different entries of a day at an end of the later one, and equal ones beside them."""
    whole = defaultdict(list)
    for arrival in arrivals:
        whole[arrival.owner.statement_id].append(arrival)
    ends = {}
    for own in {own for _, own in pairs}:
        listed = whole[own]
        days = [arrival.entry.day for arrival in listed]
        if len(listed) == judging.statement(own).entries:
            ends[own] = {min(days), max(days)}
    held = _held(ctx, {stored for stored, own in pairs if own in ends}, {day for days in ends.values() for day in days})
    for stored, own in pairs:
        for day in sorted(ends.get(own, ())):
            shows = {arrival.stored.pk if arrival.stored else 0 for arrival in whole[own] if arrival.entry.day == day}
            kept = held[stored, day]
            if kept & shows and kept - shows and 0 in shows:
                yield (
                    f"{_named(judging, stored, own)} show different parts of {day} and have no balances: equal entries "
                    "of both count once, since nothing tells one sent again from two. Compare the entries of that day "
                    "with the bank's; export whole days."
                )


def told_of_one_head(ctx: Context, judging: Judging, arrivals: Sequence[Arrival]) -> list[str]:
    """A sentence for each day of which two files of one head show different entries, and equal ones beside them.

    Files without balances, period and number that have as many entries are stored as one statement; an entry that both
    have in the same place is not even new to the engine, and does not arrive.
    """
    of_statement: dict[int, dict[int, Arrival]] = defaultdict(dict)
    for arrival in arrivals:
        head, place = arrival.entry.statement, arrival.entry.position
        if place is not None and not arrival.owner.is_new and _has_no_balance(head):
            of_statement[arrival.owner.statement_id][place] = arrival
    return [
        f"Two files of the statement {shown(judging.statement(pk))} show different parts of {day} and have no "
        "balances: equal entries of both count once, since nothing tells one sent again from two. Compare the entries "
        "of that day with the bank's; export whole days."
        for pk, places in of_statement.items()
        for day in _shown_in_part(ctx, pk, places)
    ]


def _has_no_balance(head: StatementHead) -> bool:
    return head.opening is None and head.closing is None and head.between is None


def _shown_in_part(ctx: Context, statement: int, places: Mapping[int, Arrival]) -> list[date]:
    """The days of new entries on which other entries are stored in some of these places, and equal ones in any."""
    new = {arrival.entry.day for arrival in places.values() if arrival.stored is None}
    if not new:
        return []
    stored = ledger(ctx).filter(statement_id=statement, booked_on__range=(min(new), max(new)), withdrawn="")
    stored = of_others(ctx, stored, list(places.values()))
    here = Q(position__range=(min(places), max(places)))
    again = {arrival.stored.pk for arrival in places.values() if arrival.stored is not None}
    others, equal = set(), set()
    for pk, place, day, amount in stored.filter(here).values_list("pk", "position", "booked_on", "amount"):
        arriving = None if place is None else places.get(place)
        if pk in again or arriving is None:
            equal.add(day)
        elif arriving.money[1:] != (day, amount):
            others.add(day)
    if others & new - equal:
        equal |= set(stored.exclude(here).order_by().values_list("booked_on", flat=True).distinct())
    return sorted(others & new & equal)


def _held(ctx: Context, statements: set[int], days: set[date]) -> dict[tuple[int, date], set[int]]:
    """The rows of these statements by their days."""
    held: dict[tuple[int, date], set[int]] = defaultdict(set)
    for chunk in chunks(statements):
        rows = ledger(ctx).filter(statement_id__in=chunk, booked_on__in=days, withdrawn="")
        for pk, statement, day in rows.values_list("pk", "statement_id", "booked_on"):
            held[statement, day].add(pk)
    return held
