"""Entries on their way into the ledger, and the rows that are there already."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple, TypeVar

from django.db.models import QuerySet

from ingestion import Context, Ready
from integrations.bank.heads import Owner, heads_of, owners
from integrations.bank.identity import Ids, bank_id, key_of, look_of, plain, trusted_key
from integrations.bank.models import BankTransaction
from integrations.bank.schema import BankEntry

Value = TypeVar("Value")
CHUNK = 800
"""Values one query names; older SQLite libraries take 999."""
_TWINS = 1000
"""Equal entries of other statements among which one is looked for."""


class Row(NamedTuple):
    """What is stored of an entry, as far as arriving ones are held against it."""

    pk: int
    external_id: str
    account_id: int
    booked_on: date
    amount: Decimal
    currency: str
    bank_id: str
    withdrawn: str
    replaced_by_id: int | None
    statement_id: int
    position: int | None

    @property
    def shown(self) -> str:
        """The entry in a note of its run: when, how much, and the bank's id."""
        return described(self.booked_on, self.amount, self.currency, self.bank_id)


@dataclass(slots=True)
class Arrival:
    """One entry of a batch. `stored` is the row it is, None while it is taken for a new one."""

    ready: Ready
    owner: Owner
    key: str
    stored: Row | None = None
    withdrawn: str = ""
    replaced_by_id: int | None = None
    has_moved: bool = False
    """The stored row is of the account as it was known before."""
    is_older: bool = False
    """The stored row is of a later statement, and stays as it is."""

    @property
    def entry(self) -> BankEntry:
        entry: BankEntry = self.ready.row
        return entry

    @property
    def money(self) -> tuple[int, date, Decimal]:
        """What two entries must have in common to be the same, whatever their texts."""
        return self.owner.account_id, self.entry.day, self.entry.amount

    @property
    def shown(self) -> str:
        entry = self.entry
        return described(entry.day, entry.amount, entry.currency, entry.bank_id)

    @property
    def texts(self) -> object:
        """The money and the texts as they are stored: what two entries of different ids may have in common."""
        entry = self.entry
        return self.money, _texts(entry.reference[:255], entry.counterparty[:255], entry.description)

    def is_stored(self, row: Row) -> None:
        """This entry is that row, which keeps what was decided about it."""
        self.stored, self.withdrawn, self.replaced_by_id = row, row.withdrawn, row.replaced_by_id


def arriving(ctx: Context, ids: Ids, rows: Iterable[Ready]) -> list[Arrival]:
    """The rows of a batch with their accounts, statements, and the stored rows of the same keys."""
    rows = list(rows)
    owned = owners(ctx, (ready.row for ready in rows))
    arrivals = [Arrival(ready, owned[heads_of(ready.row)], ready.row.external_id) for ready in rows]
    if all(owner.account_is_new for owner in owned.values()):
        return arrivals
    stored = by_key(ctx, [arrival.key for arrival in arrivals])
    for arrival in arrivals:
        if arrival.key in stored:
            arrival.is_stored(stored[arrival.key])
    _find_former(ctx, ids, [one for one in arrivals if one.stored is None and one.owner.former])
    return arrivals


def _find_former(ctx: Context, ids: Ids, arrivals: Collection[Arrival]) -> None:
    """Entries that are stored under what their account was known by before keep their rows."""
    ordinals: dict[str, dict[str, int]] = defaultdict(dict)
    former = {key: arrival for arrival in arrivals if (key := _former_key(ids, arrival, ordinals))}
    for key, row in by_key(ctx, list(former)).items() if former else ():
        former[key].is_stored(row)
        former[key].has_moved = True


def _former_key(ids: Ids, arrival: Arrival, ordinals: dict[str, dict[str, int]]) -> str:
    """The key the entry had then, '' where its key is no other now. `ordinals` are of the keys of each look so far."""
    entry, former = arrival.entry, arrival.owner.former
    account = entry.account.known_by
    if former == account:
        return ""
    if arrival.key == trusted_key(account, bank_id(entry)):
        return trusted_key(former, bank_id(entry))
    look = look_of(account, entry.currency, entry, ids)
    keys = ordinals[look]
    while arrival.key not in keys and len(keys) < entry.statement.entries + _TWINS:
        keys[key_of(look, len(keys))] = len(keys)
    ordinal = keys.get(arrival.key)
    return "" if ordinal is None else key_of(look_of(former, entry.currency, entry, ids), ordinal)


def ledger(ctx: Context) -> QuerySet[BankTransaction]:
    return BankTransaction.objects.for_tenant(ctx.tenant).order_by("pk")


def read(query: QuerySet[BankTransaction]) -> Iterator[Row]:
    return map(Row._make, query.values_list(*Row._fields))


def by_key(ctx: Context, keys: Collection[str]) -> dict[str, Row]:
    rows = (row for chunk in chunks(keys) for row in read(ledger(ctx).filter(external_id__in=chunk)))
    return {row.external_id: row for row in rows}


def alike(ctx: Context, arrivals: Collection[Arrival]) -> Iterator[tuple[Row, object, str]]:
    """The rows of the days and amounts of `arrivals`, each with its `Arrival.texts` and its statement's format.

    Without those that the same statement brought in this run: a long one would read all of its pages again with each.
    """
    days = [arrival.entry.day for arrival in arrivals]
    statements = {arrival.owner.statement_id for arrival in arrivals}
    counted = ledger(ctx).exclude(withdrawn=BankTransaction.Withdrawn.COPY)
    rows = counted.exclude(run_id=ctx.run_id, statement_id__in=statements).filter(
        account_id__in={arrival.owner.account_id for arrival in arrivals}, booked_on__range=(min(days), max(days))
    )
    texts = ("reference", "counterparty", "description", "statement__format")
    for chunk in chunks({arrival.entry.amount for arrival in arrivals}):
        for *values, reference, counterparty, description, form in rows.filter(amount__in=chunk).values_list(
            *Row._fields, *texts
        ):
            row = Row(*values)
            money = (row.account_id, row.booked_on, row.amount)
            yield row, (money, _texts(reference, counterparty, description)), form


def _texts(*texts: str) -> tuple[str, ...]:
    return tuple(map(plain, texts))


def chunks(values: Collection[Value]) -> Iterator[list[Value]]:
    listed = list(values)
    return (listed[start : start + CHUNK] for start in range(0, len(listed), CHUNK))


def described(day: date, amount: Decimal, currency: str, bank_id: str) -> str:
    money = f"{day} {amount.normalize():f} {currency}"
    return f"{money}, id {bank_id[:40]}" if bank_id else money
