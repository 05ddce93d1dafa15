"""Entries that are stored already under another external id: the row is kept and takes the new id.

- The same statement sent again (number, balances, dates and entries equal): an entry of the same place, day and amount
  is the same entry, whatever became of its texts; where the order changed, one of the same day and amount.
- `ids: trust`: the entry of the same bank id, loaded before the connection said so.
- `ids: ignore`: the entry of the same day, amount and texts that is known by its id so far.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from django.db.models import Q

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Nearby, Row, chunks, ledger, read
from integrations.bank.identity import Ids, bank_id, key_of, look_of
from integrations.bank.judging import Judging
from integrations.bank.models import BankTransaction

_COPY = BankTransaction.Withdrawn.COPY
_FEW = 20


def adopt(ctx: Context, ids: Ids, judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]) -> list[str]:
    """Find the rows of new entries; a sentence where any came with other texts than before."""
    batch = {arrival.key for arrival in arrivals}
    again = _adopted(_of_the_place(ctx, arrivals), batch)
    if ids is Ids.TRUST:
        _adopted(_of_the_id(ctx, arrivals), batch)
    if ids is Ids.IGNORE:
        _adopted(_of_the_texts(judging, nearby, arrivals), batch)
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


def _adopted(pairs: Iterator[tuple[Arrival, Iterable[Row]]], batch: set[str]) -> list[Arrival]:
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


def _of_the_place(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, Iterable[Row]]]:
    again = [arrival for arrival in _new(arrivals) if arrival.owner.sent_again and arrival.entry.position is not None]
    others = strange(arrivals) if again else set()
    new = [arrival for arrival in again if arrival.owner.statement_id not in others]
    arrived = Counter(arrival.owner.statement_id for arrival in arrivals)
    whole = {one.owner.statement_id for one in new if arrived[one.owner.statement_id] == one.entry.statement.entries}
    at_places: dict[object, list[Row]] = defaultdict(list)
    elsewhere: dict[object, list[Row]] = defaultdict(list)
    for row in _of_the_statements(ctx, new, whole):
        money = (row.account_id, row.booked_on, row.amount)
        at_places[row.statement_id, money, row.position].append(row)
        if row.statement_id in whole:
            elsewhere[row.statement_id, money].append(row)
    # One pass over the rows of a money for all entries of it: what one of them passed by is nobody's any more.
    left = {key: iter(rows) for key, rows in elsewhere.items()}
    for arrival in new:
        own, money = arrival.owner.statement_id, arrival.money
        yield arrival, chain(at_places[own, money, arrival.entry.position], left.get((own, money), ()))


def _of_the_statements(ctx: Context, new: Sequence[Arrival], whole: set[int]) -> Iterator[Row]:
    """The rows of these statements that may be these entries; of a part of a statement those of its places."""
    if not new:
        return
    positions = [arrival.entry.position or 0 for arrival in new]
    near = Q(statement_id__in=whole) | Q(position__range=(min(positions), max(positions)))
    rows = ledger(ctx).filter(near, statement_id__in={arrival.owner.statement_id for arrival in new})
    for chunk in chunks({arrival.entry.amount for arrival in new}):
        yield from read(rows.filter(amount__in=chunk).exclude(withdrawn=_COPY))


def strange(arrivals: Iterable[Arrival]) -> set[int]:
    """Statements that changed no balance and of which no entry is stored: their balances do not show that they are one.

    A bank that numbers all statements 0 has many of that kind.
    """
    told = {arrival.owner.statement_id for arrival in arrivals if arrival.stored is not None}
    zero = [one for one in arrivals if one.entry.statement.opening == one.entry.statement.closing]
    return {arrival.owner.statement_id for arrival in zero} - told


def _of_the_id(ctx: Context, arrivals: Sequence[Arrival]) -> Iterator[tuple[Arrival, Iterable[Row]]]:
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


def _of_the_texts(
    judging: Judging, nearby: Nearby, arrivals: Sequence[Arrival]
) -> Iterator[tuple[Arrival, Iterable[Row]]]:
    new = _new(arrivals)
    if not new:
        return
    rows: dict[object, list[Row]] = defaultdict(list)
    for near in nearby.rows:
        rows[near.texts].append(near.row)
    groups: dict[object, list[Arrival]] = defaultdict(list)
    for arrival in new:
        groups[arrival.texts, arrival.owner.statement_id].append(arrival)
    for group in groups.values():
        entry, own = group[0].entry, group[0].owner.statement_id
        look = look_of(entry.account.known_by, entry.currency, entry, Ids.IGNORE)
        most = max(arrival.entry.twins for arrival in group) + _FEW
        by_text = {key_of(look, ordinal) for ordinal in range(most)}
        named = (row for row in rows[group[0].texts] if row.external_id not in by_text and row.bank_id)
        left = iter([row for row in named if not judging.are_others(row.statement_id, own)])
        yield from ((arrival, left) for arrival in group)
