"""Statements that prove themselves and cannot both be right, and days on which nothing tells a repeat from a twin.

Nothing is refused for it, since nobody but the bank can say which of them holds; the run names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from ingestion import Context, counted
from integrations.bank.adoption import strange
from integrations.bank.arrivals import Arrival, ledger
from integrations.bank.courses import Course
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting, BankStatement
from integrations.bank.numbering import is_numbered, spelled
from integrations.bank.stakes import at_stake
from integrations.bank.versions import is_identified, is_of

_MOST = 400
"""Stored statements of the same days among which those of its number are looked for."""


def told(ctx: Context, judging: Judging, arrivals: Sequence[Arrival], settled: Collection[int]) -> list[str]:
    """A sentence for each contradiction, before the entries are loaded: stored statements still have their rows.

    Of statements that are `settled`, since the later version takes the place of the earlier, versions.py tells.
    """
    arrivals = [one for one in arrivals if one.owner.statement_id not in settled]
    heads = {one.owner.statement_id: one for one in arrivals if not one.owner.account_is_new and _is_proved(one)}
    fresh = {pk: one for pk, one in heads.items() if not one.owner.sent_again}
    again = {pk: one for pk, one in heads.items() if one.owner.sent_again}
    notes = [*_of_one_number(ctx, judging, fresh), *_sent_again_otherwise(ctx, arrivals, again)]
    return [*notes, *_under_another_number(judging, arrivals, fresh), *_there_and_back(judging, heads, arrivals)]


def _is_proved(arrival: Arrival) -> bool:
    return arrival.entry.statement.first is not None


def _of_one_number(ctx: Context, judging: Judging, fresh: dict[int, Arrival]) -> Iterator[str]:
    for pk, arrival in fresh.items():
        head = arrival.entry.statement
        if not is_identified(head):
            continue
        same = BankStatement.objects.for_tenant(ctx.tenant).filter(
            account_id=arrival.owner.account_id, page=head.page, first_on__lte=head.last, last_on__gte=head.first
        )
        numbers = same.exclude(pk__in=fresh).order_by("-pk").values_list("pk", "number", "reference")[:_MOST]
        stored = [pk for pk, *which in numbers if is_of(head, *which)]
        judging.learn(stored)
        for other in map(judging.statement, stored):
            if _contradict(judging, other, pk):
                own = shown(judging.statement(pk))
                yield (
                    f"The statement {own} contradicts the stored statement {shown(other)} of "
                    f"run {other.run_id}: each is proved by its own balances, and one number stands for both. The "
                    "entries of both are loaded. Ask the bank which of them holds."
                )


def _contradict(judging: Judging, other: BankStatement, own: int) -> bool:
    """Whether the two neither follow each other nor is one a part of the other."""
    courses = judging.course(other.pk), judging.course(own)
    if judging.are_others(other.pk, own):
        return other.closing != judging.statement(own).opening and judging.statement(own).closing != other.opening
    if courses[0] is None or courses[1] is None or not (courses[0].is_whole and courses[1].is_whole):
        stated = judging.statement(own)
        days = (other.first_on, other.last_on) == (stated.first_on, stated.last_on)
        return days and (other.opening, other.closing) != (stated.opening, stated.closing)
    return not _one_holds_the_other(courses[0], courses[1])


def _one_holds_the_other(one: Course, other: Course) -> bool:
    """Whether all that one of them booked on the days that they share is in the other, as often."""
    start, end = max(one.first, other.first), min(one.last, other.last)
    mine, theirs = (_booked(course, start, end) for course in (one, other))
    return mine <= theirs or theirs <= mine


def _booked(course: Course, start: date, end: date) -> Counter[tuple[date, Decimal]]:
    return Counter(place for place in course.booked if start <= place[0] <= end)


def _sent_again_otherwise(ctx: Context, arrivals: Sequence[Arrival], again: Iterable[int]) -> Iterator[str]:
    """Statements of the number, days and balances of a stored one, with other entries than that."""
    others = strange(arrivals)
    for pk in again:
        fresh = [one for one in arrivals if one.owner.statement_id == pk and one.stored is None]
        if not fresh:
            continue
        places = set(ledger(ctx).filter(statement_id=pk).values_list("position", flat=True))
        seen = BankSighting.objects.for_tenant(ctx.tenant).filter(statement_id=pk)
        places |= set(seen.values_list("position", flat=True))
        taken = [one for one in fresh if one.entry.position in places]
        if taken:
            entries = "; ".join(one.shown for one in taken[:5])
            stored = BankStatement.objects.for_tenant(ctx.tenant).get(pk=pk)
            if pk in others:
                yield (
                    f"A statement with the number, days and balances of {shown(stored)} of run {stored.run_id} changes "
                    f"no balance and has none of the entries that are stored of it: {entries}. It was taken for "
                    "another one, and the entries of both count. Where it was sent again with other texts, they count "
                    "twice: compare them with the bank's."
                )
                continue
            yield (
                f"The statement {shown(stored)} came again and contradicts what is stored of it since run "
                f"{stored.run_id}: number, days and balances are the same, but not "
                f"{counted(len(taken), 'entry', 'entries')}: {entries}. The entries of "
                "both are loaded. Ask the bank which of them holds."
            )


def _there_and_back(judging: Judging, heads: dict[int, Arrival], arrivals: Sequence[Arrival]) -> Iterator[str]:
    """Days whose balances come back, by statements without numbers: one of them may have come twice."""
    for pk, arrival in heads.items():
        head = arrival.entry.statement
        if is_numbered(head.number) or head.first is None or head.first != head.last:
            continue
        if judging.comes_back(pk, head.first):
            yield (
                f"The balances of {head.first} go {_way(judging.statement(pk))} and back, in statements "
                "without numbers. One that goes the same way again on that day cannot be told from one sent again, and "
                f"counts once. {at_stake([one for one in arrivals if one.owner.statement_id == pk])} Compare the "
                "entries of the day with the bank's."
            )


def _under_another_number(judging: Judging, arrivals: Sequence[Arrival], fresh: dict[int, Arrival]) -> Iterator[str]:
    """Statements of one day that equal a stored one but for its number: sent again, or the balances came back."""
    pairs = {
        (one.stored.statement_id, one.owner.statement_id, one.entry.day)
        for one in arrivals
        if one.stored is not None and one.owner.statement_id in fresh and one.stored.statement_id not in fresh
    }
    for other, own, day in sorted(pairs):
        stored, arriving = judging.statement(other), judging.statement(own)
        numbers = spelled(stored.number), spelled(arriving.number)
        if numbers[0] == numbers[1] or not all(map(is_numbered, numbers)):
            continue
        if _way(stored) == _way(arriving) and stored.entries == arriving.entries and judging.meet_on(other, own, day):
            yield (
                f"The statement {shown(arriving)} has the day, the balances and entries of {shown(stored)}: they "
                "were taken for sent again. Where they are two, the statement between them tells: load it, and the "
                "entries are parted."
            )


def _way(statement: BankStatement) -> str:
    balances = (statement.opening, statement.closing)
    return "from " + " to ".join(f"{value.normalize():f}" for value in balances if value is not None)


def shown(statement: BankStatement) -> str:
    """The statement in a note of a run; of one without balances the period that its file says, if any."""
    first, last = statement.first_on or statement.period_start, statement.last_on or statement.period_end
    days = f"{first}" if first == last else " to ".join(f"{day}" for day in (first, last) if day)
    way = "" if None in (statement.opening, statement.closing) else _way(statement)
    named = ", ".join(filter(None, [statement.number, statement.reference])) or "without a number"
    details = [days if first or last else "", way, counted(statement.entries, "entry", "entries")]
    return f"{named} ({', '.join(filter(None, details))})"
