"""A statement that comes again with other entries: the later version takes the place of what only the earlier brought.

A bank moves an entry to another day, splits it, or joins two, and sends the statement once more: account, number (in a
CAMT without one the id), page, days and balances are the same. Both prove themselves, so both sets of entries lead from
the one balance to the other, and storing both would count the difference twice. The earlier rows stay and no longer
count, where nothing else can have brought them: the later version arrived whole, what is new in it adds up to what only
the earlier one had, and no other stored statement shows these days. Where that is not so both count, and the run says
so, see contradictions.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q, QuerySet

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Row, by_key, ledger, read
from integrations.bank.models import BankStatement, BankTransaction
from integrations.bank.numbering import is_numbered, spelled
from integrations.bank.schema import StatementHead

_SHOWN = 5


class Version(NamedTuple):
    """A whole statement of a batch, what is new in it, and the rows of its earlier version whose place that takes."""

    statement: int
    fresh: list[Arrival]
    left: list[Row]
    run: int


def later(ctx: Context, arrivals: Sequence[Arrival]) -> list[Version]:
    """The later versions among the arrivals, before they are loaded."""
    of_statement: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        of_statement[arrival.owner.statement_id].append(arrival)
    return [version for pk, whole in of_statement.items() for version in _replacing(ctx, pk, whole)]


def is_identified(head: StatementHead) -> bool:
    """Whether number or id name one statement of the account: an MT940 has no id that does."""
    return is_numbered(head.number) or (head.format.startswith("camt") and bool(head.reference))


def is_of(head: StatementHead, number: str, reference: str) -> bool:
    """Whether a stored statement of its account and page has its number, or where there is none its id."""
    if spelled(number) != spelled(head.number[:50]):
        return False
    return is_numbered(head.number) or reference == head.reference[:100]


def apply(ctx: Context, versions: Sequence[Version], arrived: Sequence[Arrival]) -> list[str]:
    """Withdraw the rows of the earlier versions of what was loaded whole; a sentence for each."""
    loaded = Counter(arrival.owner.statement_id for arrival in arrived)
    told = []
    for version in versions:
        head = version.fresh[0].entry.statement
        if loaded[version.statement] == head.entries:
            new = by_key(ctx, [arrival.key for arrival in version.fresh])
            by = next((new[arrival.key].pk for arrival in version.fresh if arrival.key in new), None)
            rows = ledger(ctx).filter(pk__in=[row.pk for row in version.left], withdrawn="")
            rows.update(withdrawn=BankTransaction.Withdrawn.REPLACED, replaced_by_id=by)
            told.append(_sentence(version, head))
    return told


def _replacing(ctx: Context, pk: int, whole: Sequence[Arrival]) -> Iterator[Version]:
    head, owner = whole[0].entry.statement, whole[0].owner
    fresh = [arrival for arrival in whole if arrival.stored is None]
    if not fresh or owner.account_is_new or len(whole) != head.entries or not is_identified(head):
        return
    if head.opening is None or head.closing is None or head.opening == head.closing or head.first is None:
        return
    if head.opening + sum(arrival.entry.amount for arrival in whole) != head.closing:
        return
    earlier = _earlier(ctx, owner.account_id, head)
    if not earlier:
        return
    kept = {arrival.stored.pk for arrival in whole if arrival.stored is not None}
    rows = read(ledger(ctx).filter(statement_id__in=earlier, withdrawn=""))
    left = [row for row in rows if row.pk not in kept]
    is_balanced = sum((row.amount for row in left), Decimal()) == sum(arrival.entry.amount for arrival in fresh)
    if left and is_balanced and not _are_shown_by_others(ctx, owner.account_id, left, {pk, *earlier}):
        yield Version(pk, fresh, left, max(earlier.values()))


def _earlier(ctx: Context, account: int, head: StatementHead) -> dict[int, int]:
    """The stored versions of the statement, each with the run that first read it."""
    same = _statements(ctx, account).filter(
        opening=head.opening,
        closing=head.closing,
        period_start=head.period_start,
        period_end=head.period_end,
        format=head.format[:50],
        page=head.page,
    )
    return {
        pk: run
        for pk, run, number, reference in same.values_list("pk", "run_id", "number", "reference")
        if is_of(head, number, reference)
    }


def _are_shown_by_others(ctx: Context, account: int, rows: Sequence[Row], own: Collection[int]) -> bool:
    """Whether another statement of the account may have brought the rows too."""
    first, last = min(row.booked_on for row in rows), max(row.booked_on for row in rows)
    shown = Q(first_on__lte=last, last_on__gte=first) | Q(first_on=None, period_start__lte=last, period_end__gte=first)
    undated = Q(first_on=None) & (Q(period_start=None) | Q(period_end=None))
    return _statements(ctx, account).filter(shown | undated, entries__gt=0).exclude(pk__in=own).exists()


def _statements(ctx: Context, account: int) -> QuerySet[BankStatement]:
    return BankStatement.objects.for_tenant(ctx.tenant).filter(account_id=account)


def _sentence(version: Version, head: StatementHead) -> str:
    which = head.number or head.reference
    new = "; ".join(arrival.shown for arrival in version.fresh[:_SHOWN])
    old = "; ".join(row.shown for row in version.left[:_SHOWN])
    return (
        f"The statement {which} contradicts the stored statement of its number, days and balances of run "
        f"{version.run}: {counted(len(version.fresh), 'entry', 'entries')} ({new}) took the place of "
        f"{counted(len(version.left), 'entry', 'entries')} ({old}) that only the earlier version had. "
        "The balances prove both versions, so the earlier rows stay and no longer count."
    )
