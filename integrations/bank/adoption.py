"""Entries that are stored already under another external id: the row stays and takes the new id.

- The same statement sent again (number, balances, dates and entries equal): an entry with the place, day and amount of
  a stored one is the same entry, whatever became of its texts. If the order changed, day and amount suffice.
- `ids: trust`: the row with the entry's bank id, loaded before the connection trusted ids.
- `ids: ignore`: the row with the entry's day, amount and texts that is still stored under its bank id.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.db.models import Q

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Nearby, StoredRow, chunks, ledger, read_rows
from integrations.bank.identity import Ids, bank_id, key_of, look_of
from integrations.bank.judging import Judging
from integrations.bank.models import BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_FEW = 20


def adopt_rows(ctx: Context, ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]) -> list[str]:
    """Find the rows of new entries; a note if any entry came with other texts than before."""
    batch = {arrival.key for arrival in arrivals}
    resent = _take_first_free(_rows_of_same_place(ctx, arrivals), batch)
    if ids is Ids.TRUST:
        _take_first_free(_rows_of_same_id(ctx, arrivals), batch)
    if ids is Ids.IGNORE:
        _take_first_free(_rows_of_same_texts(judging, nearby, arrivals), batch)
    if not resent:
        return []
    count = counted(len(resent), "entry", "entries")
    examples = "; ".join(arrival.summary for arrival in resent[:5])
    return [f"{count} came again in the same statement with other texts or ids: {examples}"]


def rename_adopted(ctx: Context, arrivals: Iterable[Arrival]) -> None:
    """Give adopted rows the keys that their entries have now, in few statements."""
    moved = [
        BankTransaction(pk=arrival.stored.pk, external_id=arrival.key)
        for arrival in arrivals
        if arrival.stored is not None and arrival.stored.external_id != arrival.key and not arrival.is_older
    ]
    if moved:
        ledger(ctx).bulk_update(moved, ["external_id"], batch_size=200)


def _take_first_free(pairs: Iterator[tuple[Arrival, Iterable[StoredRow]]], batch: set[str]) -> list[Arrival]:
    """Each new entry takes its first row that no entry of the batch has yet."""
    taken_pks: set[int] = set()
    adopted = []
    for arrival, rows in pairs:
        row = next((row for row in rows if row.external_id not in batch and row.pk not in taken_pks), None)
        if row is not None:
            taken_pks.add(row.pk)
            arrival.take_row(row)
            adopted.append(arrival)
    return adopted


def _new_arrivals(arrivals: Iterable[Arrival]) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival.stored is None and not arrival.owner.account_is_new]


def _rows_of_same_place(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, Iterable[StoredRow]]]:
    resent = [
        arrival
        for arrival in _new_arrivals(arrivals)
        if arrival.owner.sent_again and arrival.entry.position is not None
    ]
    unrelated = statements_without_evidence(arrivals) if resent else set()
    new = [arrival for arrival in resent if arrival.owner.statement_id not in unrelated]
    arrived_counts = Counter(arrival.owner.statement_id for arrival in arrivals)
    complete = {
        arrival.owner.statement_id
        for arrival in new
        if arrived_counts[arrival.owner.statement_id] == arrival.entry.statement.entries
    }
    at_places: dict[object, list[StoredRow]] = defaultdict(list)
    elsewhere: dict[object, list[StoredRow]] = defaultdict(list)
    for row in _rows_of_statements(ctx, new, complete):
        money = (row.account_id, row.booked_on, row.amount)
        at_places[row.statement_id, money, row.position].append(row)
        if row.statement_id in complete:
            elsewhere[row.statement_id, money].append(row)
    # One pass over the rows of a money for all its entries: a row that one entry skipped is no other entry's either.
    remaining = {key: iter(rows) for key, rows in elsewhere.items()}
    for arrival in new:
        statement_id, money = arrival.owner.statement_id, arrival.money
        yield (
            arrival,
            chain(at_places[statement_id, money, arrival.entry.position], remaining.get((statement_id, money), ())),
        )


def _rows_of_statements(ctx: Context, new: Sequence[Arrival], complete: set[int]) -> Iterator[StoredRow]:
    """The rows of these statements that may be these entries. Of an incomplete statement, those at the entries'
    positions.
    """
    if not new:
        return
    positions = [arrival.entry.position or 0 for arrival in new]
    in_range = Q(statement_id__in=complete) | Q(position__range=(min(positions), max(positions)))
    rows = ledger(ctx).filter(in_range, statement_id__in={arrival.owner.statement_id for arrival in new})
    for chunk in chunks({arrival.entry.amount for arrival in new}):
        yield from read_rows(rows.filter(amount__in=chunk).exclude(withdrawn=_COPY))


def statements_without_evidence(arrivals: Iterable[Arrival]) -> set[int]:
    """Statements that changed no balance and have no stored entry: their balances do not show that they are the stored
    one.

    A bank that numbers all its statements 0 sends many of that kind.
    """
    with_rows = {arrival.owner.statement_id for arrival in arrivals if arrival.stored is not None}
    unchanged = [arrival for arrival in arrivals if arrival.entry.statement.opening == arrival.entry.statement.closing]
    return {arrival.owner.statement_id for arrival in unchanged} - with_rows


def _rows_of_same_id(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, Iterable[StoredRow]]]:
    new = [arrival for arrival in _new_arrivals(arrivals) if bank_id(arrival.entry)]
    rows: dict[tuple[int, str], list[StoredRow]] = defaultdict(list)
    accounts = {arrival.owner.account_id for arrival in new}
    for chunk in chunks({arrival.entry.bank_id[:255] for arrival in new}):
        for row in read_rows(ledger(ctx).filter(bank_id__in=chunk, account_id__in=accounts).exclude(withdrawn=_COPY)):
            rows[row.account_id, row.bank_id].append(row)
    for arrival in new:
        candidates = rows[arrival.owner.account_id, arrival.entry.bank_id[:255]]
        yield arrival, sorted(candidates, key=lambda row: _distance(arrival, row))


def _distance(arrival: Arrival, row: StoredRow) -> tuple[bool, bool, int]:
    """Rows that count come first, then rows of the same day and amount, then the nearest day."""
    differs = (row.account_id, row.booked_on, row.amount) != arrival.money
    return bool(row.withdrawn), differs, abs((row.booked_on - arrival.entry.day).days)


def _rows_of_same_texts(
    judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]
) -> Iterator[tuple[Arrival, Iterable[StoredRow]]]:
    new = _new_arrivals(arrivals)
    if not new:
        return
    rows: dict[object, list[StoredRow]] = defaultdict(list)
    for nearby_row in nearby.rows:
        rows[nearby_row.texts].append(nearby_row.row)
    groups: dict[object, list[Arrival]] = defaultdict(list)
    for arrival in new:
        groups[arrival.texts, arrival.owner.statement_id].append(arrival)
    for group in groups.values():
        entry, statement_id = group[0].entry, group[0].owner.statement_id
        look = look_of(entry.account.known_by, entry.currency, entry, Ids.IGNORE)
        last_ordinal = max(arrival.entry.twins for arrival in group) + _FEW
        by_text = {key_of(look, ordinal) for ordinal in range(last_ordinal)}
        with_id = (row for row in rows[group[0].texts] if row.external_id not in by_text and row.bank_id)
        remaining = iter([row for row in with_id if not judging.are_disjoint(row.statement_id, statement_id)])
        yield from ((arrival, remaining) for arrival in group)
