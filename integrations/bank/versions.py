"""A statement that comes again with other entries: the later version replaces what only the earlier one had.

A bank moves an entry to another day, splits it, or joins two, and sends the statement once more: account, number (in a
CAMT without one the id), page, days and balances are the same. Both versions prove themselves, so the entries of each
lead from the one balance to the other, and storing both would count the difference twice. The earlier rows stay and no
longer count if they can come from nothing else: the later version arrived whole, its new entries add up to what only
the earlier one had, and no other stored statement covers these days. Otherwise both count, and the run says so, see
contradictions.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q, QuerySet

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, StoredRow, ledger, read_rows, rows_by_key
from integrations.bank.models import BankStatement, BankTransaction
from integrations.bank.numbering import is_numbered, spelled
from integrations.bank.schema import StatementHead

_SHOWN = 5


class Version(NamedTuple):
    """A whole statement of a batch, its new entries, and the rows of the earlier version that these replace."""

    statement: int
    new: list[Arrival]
    replaced: list[StoredRow]
    run: int


def find_later_versions(ctx: Context, arrivals: Sequence[Arrival]) -> list[Version]:
    """The later versions among the arrivals. Call it before they are loaded."""
    of_statement: dict[int, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        of_statement[arrival.owner.statement_id].append(arrival)
    return [
        version
        for pk, statement_arrivals in of_statement.items()
        for version in _find_replaced(ctx, pk, statement_arrivals)
    ]


def has_identity(head: StatementHead) -> bool:
    """Whether number or id name one statement of the account. The id of an MT940 does not."""
    return is_numbered(head.number) or (head.format.startswith("camt") and bool(head.reference))


def is_same_statement(head: StatementHead, number: str, reference: str) -> bool:
    """Whether a stored statement of the account and page has this number or, if there is no number, this id."""
    if spelled(number) != spelled(head.number[:50]):
        return False
    return is_numbered(head.number) or reference == head.reference[:100]


def replace_versions(ctx: Context, versions: Sequence[Version], arrived: Sequence[Arrival]) -> list[str]:
    """Withdraw the rows of earlier versions of the statements that were loaded whole; a note for each."""
    loaded = Counter(arrival.owner.statement_id for arrival in arrived)
    notes = []
    for version in versions:
        head = version.new[0].entry.statement
        if loaded[version.statement] == head.entries:
            new_rows = rows_by_key(ctx, [arrival.key for arrival in version.new])
            replacing_pk = next((new_rows[arrival.key].pk for arrival in version.new if arrival.key in new_rows), None)
            rows = ledger(ctx).filter(pk__in=[row.pk for row in version.replaced], withdrawn="")
            rows.update(withdrawn=BankTransaction.Withdrawn.REPLACED, replaced_by_id=replacing_pk)
            notes.append(_describe(version, head))
    return notes


def _find_replaced(ctx: Context, pk: int, arrivals: Sequence[Arrival]) -> Iterator[Version]:
    head, owner = arrivals[0].entry.statement, arrivals[0].owner
    fresh = [arrival for arrival in arrivals if arrival.stored is None]
    if not fresh or owner.account_is_new or len(arrivals) != head.entries or not has_identity(head):
        return
    if head.opening is None or head.closing is None or head.opening == head.closing or head.first is None:
        return
    if head.opening + sum(arrival.entry.amount for arrival in arrivals) != head.closing:
        return
    earlier = _find_earlier(ctx, owner.account_id, head)
    if not earlier:
        return
    matched_pks = {arrival.stored.pk for arrival in arrivals if arrival.stored is not None}
    rows = read_rows(ledger(ctx).filter(statement_id__in=earlier, withdrawn=""))
    unmatched = [row for row in rows if row.pk not in matched_pks]
    is_balanced = sum((row.amount for row in unmatched), Decimal()) == sum(arrival.entry.amount for arrival in fresh)
    if unmatched and is_balanced and not _may_come_from_others(ctx, owner.account_id, unmatched, {pk, *earlier}):
        yield Version(pk, fresh, unmatched, max(earlier.values()))


def _find_earlier(ctx: Context, account: int, head: StatementHead) -> dict[int, int]:
    """The stored versions of the statement, each with the run that first read it."""
    candidates = _statements(ctx, account).filter(
        opening=head.opening,
        closing=head.closing,
        period_start=head.period_start,
        period_end=head.period_end,
        format=head.format[:50],
        page=head.page,
    )
    return {
        pk: run
        for pk, run, number, reference in candidates.values_list("pk", "run_id", "number", "reference")
        if is_same_statement(head, number, reference)
    }


def _may_come_from_others(ctx: Context, account: int, rows: Sequence[StoredRow], versions: Collection[int]) -> bool:
    """Whether another statement of the account may have delivered the rows too."""
    first, last = min(row.booked_on for row in rows), max(row.booked_on for row in rows)
    covering = Q(first_on__lte=last, last_on__gte=first) | Q(
        first_on=None, period_start__lte=last, period_end__gte=first
    )
    undated = Q(first_on=None) & (Q(period_start=None) | Q(period_end=None))
    return _statements(ctx, account).filter(covering | undated, entries__gt=0).exclude(pk__in=versions).exists()


def _statements(ctx: Context, account: int) -> QuerySet[BankStatement]:
    return BankStatement.objects.for_tenant(ctx.tenant).filter(account_id=account)


def _describe(version: Version, head: StatementHead) -> str:
    name = head.number or head.reference
    new = "; ".join(arrival.summary for arrival in version.new[:_SHOWN])
    old = "; ".join(row.summary for row in version.replaced[:_SHOWN])
    return (
        f"The statement {name} contradicts the stored statement of its number, days and balances of run "
        f"{version.run}: {counted(len(version.new), 'entry', 'entries')} ({new}) took the place of "
        f"{counted(len(version.replaced), 'entry', 'entries')} ({old}) that only the earlier version had. "
        "The balances prove both versions, so the earlier rows stay and no longer count."
    )
