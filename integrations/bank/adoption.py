"""Entries that are stored already under another external id: the row is kept and takes the new id.

- The same statement sent again (number, balances, dates and entries equal): an entry of the same place, day and amount
  is the same entry, whatever became of its texts; where the order changed, one of the same day and amount.
- `ids: trust`: the entry of the same bank id, loaded before the connection said so.
- `ids: ignore`: the entry of the same day, amount and texts that is known by its id so far.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Row, alike, chunks, ledger, read
from integrations.bank.identity import Ids, bank_id, key_of, look_of
from integrations.bank.judging import Judging
from integrations.bank.models import BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_FEW = 20


def adopt(ctx: Context, ids: Ids, arrivals: Sequence[Arrival]) -> list[str]:
    """Find the rows of new entries; a sentence where any came with other texts than before."""
    batch = {arrival.key for arrival in arrivals}
    again = _adopted(_of_the_place(ctx, arrivals), batch)
    if ids is Ids.TRUST:
        _adopted(_of_the_id(ctx, arrivals), batch)
    if ids is Ids.IGNORE:
        _adopted(_of_the_texts(ctx, arrivals), batch)
    if not again:
        return []
    shown = "; ".join(arrival.shown for arrival in again[:5])
    return [
        f"{counted(len(again), 'entry', 'entries')} came again in the same statement with other texts or ids: {shown}"
    ]


def rename(ctx: Context, arrivals: Iterable[Arrival]) -> None:
    """Give adopted rows the keys under which their entries are known now, in few statements."""
    moved = [
        BankTransaction(pk=arrival.stored.pk, external_id=arrival.key)
        for arrival in arrivals
        if arrival.stored is not None and arrival.stored.external_id != arrival.key and not arrival.is_older
    ]
    if moved:
        ledger(ctx).bulk_update(moved, ["external_id"], batch_size=200)


def _adopted(pairs: Iterator[tuple[Arrival, list[Row]]], batch: set[str]) -> list[Arrival]:
    """Each new entry takes the first row that no entry of the batch has yet."""
    taken: set[int] = set()
    adopted = []
    for arrival, rows in pairs:
        row = next((row for row in rows if row.external_id not in batch and row.pk not in taken), None)
        if row is not None:
            taken.add(row.pk)
            arrival.is_stored(row)
            adopted.append(arrival)
    return adopted


def _new(arrivals: Iterable[Arrival]) -> list[Arrival]:
    return [arrival for arrival in arrivals if arrival.stored is None and not arrival.owner.account_is_new]


def _of_the_place(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, list[Row]]]:
    again = [arrival for arrival in _new(arrivals) if arrival.owner.sent_again and arrival.entry.position is not None]
    strange = _strange(arrivals) if again else set()
    new = [arrival for arrival in again if arrival.owner.statement_id not in strange]
    rows: dict[int, list[Row]] = defaultdict(list)
    statements = {arrival.owner.statement_id for arrival in new}
    for chunk in chunks({arrival.entry.amount for arrival in new}):
        for row in read(ledger(ctx).filter(statement_id__in=statements, amount__in=chunk).exclude(withdrawn=_COPY)):
            rows[row.statement_id].append(row)
    arrived = Counter(arrival.owner.statement_id for arrival in arrivals)
    for arrival in new:
        own = arrival.owner.statement_id
        same = [row for row in rows[own] if (row.account_id, row.booked_on, row.amount) == arrival.money]
        at_its_place = [row for row in same if row.position == arrival.entry.position]
        is_whole = arrived[own] == arrival.entry.statement.entries
        yield arrival, at_its_place + ([row for row in same if row not in at_its_place] if is_whole else [])


def _strange(arrivals: Iterable[Arrival]) -> set[int]:
    """Statements that changed no balance and of which no entry is stored: their balances do not show that they are one.

    A bank that numbers all statements 0 has many of that kind.
    """
    told = {arrival.owner.statement_id for arrival in arrivals if arrival.stored is not None}
    zero = [one for one in arrivals if one.entry.statement.opening == one.entry.statement.closing]
    return {arrival.owner.statement_id for arrival in zero} - told


def _of_the_id(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, list[Row]]]:
    new = [arrival for arrival in _new(arrivals) if bank_id(arrival.entry)]
    rows: dict[tuple[int, str], list[Row]] = defaultdict(list)
    accounts = {arrival.owner.account_id for arrival in new}
    for chunk in chunks({arrival.entry.bank_id[:255] for arrival in new}):
        for row in read(ledger(ctx).filter(bank_id__in=chunk, account_id__in=accounts).exclude(withdrawn=_COPY)):
            rows[row.account_id, row.bank_id].append(row)
    for arrival in new:
        named = rows[arrival.owner.account_id, arrival.entry.bank_id[:255]]
        yield arrival, sorted(named, key=lambda row: _distance(arrival, row))


def _distance(arrival: Arrival, row: Row) -> tuple[bool, bool, int]:
    """Rows that count first, then those of the same day and amount, then the nearest."""
    differs = (row.account_id, row.booked_on, row.amount) != arrival.money
    return bool(row.withdrawn), differs, abs((row.booked_on - arrival.entry.day).days)


def _of_the_texts(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, list[Row]]]:
    new = _new(arrivals)
    if not new:
        return
    rows: dict[object, list[Row]] = defaultdict(list)
    for row, texts, _ in alike(ctx, new):
        rows[texts].append(row)
    judging = Judging(ctx, arrivals)
    for arrival in new:
        look = look_of(arrival.entry.account.known_by, arrival.entry.currency, arrival.entry, Ids.IGNORE)
        by_text = {key_of(look, ordinal) for ordinal in range(arrival.entry.twins + _FEW)}
        named = [row for row in rows[arrival.texts] if row.external_id not in by_text and row.bank_id]
        own = arrival.owner.statement_id
        yield arrival, [row for row in named if not judging.are_others(row.statement_id, own)]
