"""Statements that each prove themselves and cannot both be right, and days on which a repeated statement looks like a
second one.

The run names them and refuses nothing, because only the bank can say which statement is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from ingestion import Context, counted
from integrations.bank.adoption import statements_without_evidence
from integrations.bank.arrivals import Arrival, ledger
from integrations.bank.courses import Course
from integrations.bank.judging import Judging
from integrations.bank.models import BankSighting, BankStatement
from integrations.bank.numbering import is_numbered, spelled
from integrations.bank.stakes import describe_stakes
from integrations.bank.versions import has_identity, is_same_statement

_MOST = 400
"""How many stored statements of the same days are searched for one of the same number."""


def note_contradictions(
    ctx: Context, judging: Judging, arrivals: Sequence[Arrival], settled: Collection[int]
) -> list[str]:
    """A note for each contradiction. Call it before the entries are loaded, while stored statements still have their
    rows.

    `settled` are statements whose earlier version is replaced: versions.py writes their notes.
    """
    arrivals = [arrival for arrival in arrivals if arrival.owner.statement_id not in settled]
    # A head has a first day only if the statement's balances prove it.
    heads = {
        arrival.owner.statement_id: arrival
        for arrival in arrivals
        if not arrival.owner.account_is_new and arrival.entry.statement.first is not None
    }
    fresh = {pk: arrival for pk, arrival in heads.items() if not arrival.owner.sent_again}
    resent = {pk: arrival for pk, arrival in heads.items() if arrival.owner.sent_again}
    notes = [*_note_shared_numbers(ctx, judging, fresh), *_note_changed_entries(ctx, arrivals, resent)]
    return [*notes, *_note_renumbered(judging, arrivals, fresh), *_note_returning_balances(judging, heads, arrivals)]


def _note_shared_numbers(ctx: Context, judging: Judging, fresh: dict[int, Arrival]) -> Iterator[str]:
    for pk, arrival in fresh.items():
        head = arrival.entry.statement
        if not has_identity(head):
            continue
        same_days = BankStatement.objects.for_tenant(ctx.tenant).filter(
            account_id=arrival.owner.account_id, page=head.page, first_on__lte=head.last, last_on__gte=head.first
        )
        numbers = same_days.exclude(pk__in=fresh).order_by("-pk").values_list("pk", "number", "reference")[:_MOST]
        candidates = [pk for pk, *identity in numbers if is_same_statement(head, *identity)]
        judging.prefetch(candidates)
        for stored_pk in map(judging.statement, candidates):
            if _contradict(judging, stored_pk, pk):
                description = describe_statement(judging.statement(pk))
                yield (
                    f"The statement {description} contradicts the stored statement {describe_statement(stored_pk)} of "
                    f"run {stored_pk.run_id}: each is proved by its own balances, and one number stands for both. The "
                    "entries of both are loaded. Ask the bank which of them holds."
                )


def _contradict(judging: Judging, stored: BankStatement, arriving_pk: int) -> bool:
    """Whether the two statements neither follow each other nor is one a part of the other."""
    courses = judging.course(stored.pk), judging.course(arriving_pk)
    if judging.are_disjoint(stored.pk, arriving_pk):
        return (
            stored.closing != judging.statement(arriving_pk).opening
            and judging.statement(arriving_pk).closing != stored.opening
        )
    if courses[0] is None or courses[1] is None or not (courses[0].is_whole and courses[1].is_whole):
        arriving = judging.statement(arriving_pk)
        days = (stored.first_on, stored.last_on) == (arriving.first_on, arriving.last_on)
        return days and (stored.opening, stored.closing) != (arriving.opening, arriving.closing)
    return not _holds_all_of_the_other(courses[0], courses[1])


def _holds_all_of_the_other(first_course: Course, second_course: Course) -> bool:
    """Whether one of the two courses has every entry that the other booked on the days they share, as often."""
    start, end = max(first_course.first, second_course.first), min(first_course.last, second_course.last)
    first_entries, second_entries = (_booked(course, start, end) for course in (first_course, second_course))
    return first_entries <= second_entries or second_entries <= first_entries


def _booked(course: Course, start: date, end: date) -> Counter[tuple[date, Decimal]]:
    return Counter(entry for entry in course.booked if start <= entry[0] <= end)


def _note_changed_entries(ctx: Context, arrivals: Sequence[Arrival], resent: Iterable[int]) -> Iterator[str]:
    """Statements with the number, days and balances of a stored one, but other entries."""
    unrelated = statements_without_evidence(arrivals)
    for pk in resent:
        new_arrivals = [arrival for arrival in arrivals if arrival.owner.statement_id == pk and arrival.stored is None]
        if not new_arrivals:
            continue
        stored_positions = set(ledger(ctx).filter(statement_id=pk).values_list("position", flat=True))
        sightings = BankSighting.objects.for_tenant(ctx.tenant).filter(statement_id=pk)
        stored_positions |= set(sightings.values_list("position", flat=True))
        changed = [arrival for arrival in new_arrivals if arrival.entry.position in stored_positions]
        if changed:
            entries = "; ".join(arrival.summary for arrival in changed[:5])
            stored = BankStatement.objects.for_tenant(ctx.tenant).get(pk=pk)
            if pk in unrelated:
                yield (
                    f"A statement with the number, days and balances of {describe_statement(stored)} of run "
                    f"{stored.run_id} changes "
                    f"no balance and has none of the entries that are stored of it: {entries}. It was taken for "
                    "another one, and the entries of both count. Where it was sent again with other texts, they count "
                    "twice: compare them with the bank's."
                )
                continue
            yield (
                f"The statement {describe_statement(stored)} came again and contradicts what is stored of it since run "
                f"{stored.run_id}: number, days and balances are the same, but not "
                f"{counted(len(changed), 'entry', 'entries')}: {entries}. The entries of "
                "both are loaded. Ask the bank which of them holds."
            )


def _note_returning_balances(judging: Judging, heads: dict[int, Arrival], arrivals: Sequence[Arrival]) -> Iterator[str]:
    """Days whose balances return to their start, in statements without numbers: one of them may have come twice."""
    for pk, arrival in heads.items():
        head = arrival.entry.statement
        if is_numbered(head.number) or head.first is None or head.first != head.last:
            continue
        if judging.returns_to_opening(pk, head.first):
            yield (
                f"The balances of {head.first} go {_describe_balances(judging.statement(pk))} and back, in statements "
                "without numbers. One that goes the same way again on that day cannot be told from one sent again, and "
                "counts once. "
                f"{describe_stakes([arrival for arrival in arrivals if arrival.owner.statement_id == pk])} "
                "Compare the "
                "entries of the day with the bank's."
            )


def _note_renumbered(judging: Judging, arrivals: Sequence[Arrival], fresh: dict[int, Arrival]) -> Iterator[str]:
    """Statements of one day that equal a stored one in all but the number: sent again, or the balances returned."""
    pairs = {
        (arrival.stored.statement_id, arrival.owner.statement_id, arrival.entry.day)
        for arrival in arrivals
        if arrival.stored is not None
        and arrival.owner.statement_id in fresh
        and arrival.stored.statement_id not in fresh
    }
    for stored_pk, arriving_pk, day in sorted(pairs):
        stored, arriving = judging.statement(stored_pk), judging.statement(arriving_pk)
        numbers = spelled(stored.number), spelled(arriving.number)
        if numbers[0] == numbers[1] or not all(map(is_numbered, numbers)):
            continue
        if (
            _describe_balances(stored) == _describe_balances(arriving)
            and stored.entries == arriving.entries
            and judging.meet_on(stored_pk, arriving_pk, day)
        ):
            yield (
                f"The statement {describe_statement(arriving)} has the day, the balances and entries of "
                f"{describe_statement(stored)}: they "
                "were taken for sent again. Where they are two, the statement between them tells: load it, and the "
                "entries are parted."
            )


def _describe_balances(statement: BankStatement) -> str:
    balances = (statement.opening, statement.closing)
    return "from " + " to ".join(f"{value.normalize():f}" for value in balances if value is not None)


def describe_statement(statement: BankStatement) -> str:
    """How a note names a statement. Without balances the days are the period that its file states, if any."""
    first, last = statement.first_on or statement.period_start, statement.last_on or statement.period_end
    days = f"{first}" if first == last else " to ".join(f"{day}" for day in (first, last) if day)
    balances = "" if None in (statement.opening, statement.closing) else _describe_balances(statement)
    name = ", ".join(filter(None, [statement.number, statement.reference])) or "without a number"
    details = [days if first or last else "", balances, counted(statement.entries, "entry", "entries")]
    return f"{name} ({', '.join(filter(None, details))})"
