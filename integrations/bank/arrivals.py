"""Entries on their way into the ledger, and the rows that are there already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, TypeVar

from django.db.models import QuerySet

from ingestion import Context, Ready
from integrations.bank.heads import Owner, heads_of, owners
from integrations.bank.identity import Ids, plain
from integrations.bank.models import BankTransaction
from integrations.bank.other_names import Names
from integrations.bank.schema import BankEntry

Value = TypeVar("Value")
CHUNK = 800
"""Values one query names; older SQLite libraries take 999."""


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
    double: Row | None = None
    """The same entry once more, from when the number alone told accounts apart: it is `stored` too."""
    written: str = ""
    """The key that its file makes, where the account is known otherwise than the file says."""
    elsewhere: Row | None = None
    """A row of that time that may be this entry; nothing shows that it is not the other account's."""

    @property
    def entry(self) -> BankEntry:
        entry: BankEntry = self.ready.row
        return entry

    @property
    def money(self) -> tuple[int, date, Decimal]:
        """What two entries must have in common to be the same, whatever their texts."""
        return self.owner.account_id, self.entry.day, self.entry.amount

    @property
    def amount(self) -> Decimal:
        return self.entry.amount

    @property
    def is_twin(self) -> bool:
        """Whether the stored row of its key was shown to be another entry, so that it took the next key."""
        return self.key != self.entry.external_id

    @property
    def shown(self) -> str:
        entry = self.entry
        return described(entry.day, entry.amount, entry.currency, entry.bank_id)

    @property
    def texts(self) -> object:
        """The money and the texts as they are stored: what two entries of different ids may have in common."""
        entry = self.entry
        return self.money, _texts(entry.reference[:255], entry.counterparty[:255], entry.description)

    @property
    def has_balances(self) -> bool:
        return None not in (self.entry.statement.opening, self.entry.statement.closing)

    def is_stored(self, row: Row) -> None:
        """This entry is that row, which keeps what was decided about it."""
        self.stored, self.withdrawn, self.replaced_by_id = row, row.withdrawn, row.replaced_by_id

    def is_double(self, row: Row) -> None:
        """This entry, which is stored, is that row too; what was decided about that one holds."""
        self.double = row
        if row.withdrawn and not self.withdrawn:
            self.withdrawn, self.replaced_by_id = row.withdrawn, row.replaced_by_id


def arriving(ctx: Context, ids: Ids, rows: Iterable[Ready]) -> list[Arrival]:
    """The rows of a batch with their accounts, statements, and the stored rows of the same keys."""
    rows, names = list(rows), Names(ids)
    owned = owners(ctx, ids, (ready.row for ready in rows))
    arrivals = [_arrival(ready, owned[heads_of(ready.row)], names) for ready in rows]
    if all(owner.holder.has_no_rows for owner in owned.values()):
        return arrivals
    stored = by_key(ctx, [arrival.key for arrival in arrivals])
    for arrival in arrivals:
        if arrival.key in stored:
            arrival.is_stored(stored[arrival.key])
            arrival.has_moved = _was_of_a_name(arrival.owner, stored[arrival.key])
    _find_otherwise_named(ctx, arrivals, names)
    return arrivals


def _arrival(ready: Ready, owner: Owner, names: Names) -> Arrival:
    """The entry as its account is known, whatever its file says of bank and kind."""
    entry: BankEntry = ready.row
    head, written = owner.holder.head, entry.account.known_by
    if head.known_by == written:
        return Arrival(ready, owner, entry.external_id)
    key = names.key(entry.external_id, entry, written, head.known_by) or entry.external_id
    row = entry.model_copy(update={"account": head, "external_id": key})
    return Arrival(ready._replace(row=row), owner, key, written=entry.external_id)


def _find_otherwise_named(ctx: Context, arrivals: Collection[Arrival], names: Names) -> None:
    """Entries that are stored under what their account was known by before keep their rows."""
    sought = [(arrival, key) for arrival in arrivals for key in _other_keys(arrival, names)]
    rows = by_key(ctx, {key for _, key in sought}) if sought else {}
    for arrival, key in sought:
        if (row := rows.get(key)) is None:
            continue
        if not _may_take(arrival.owner, row):
            arrival.elsewhere = None if row.account_id in arrival.owner.holder.others else row
            continue
        del rows[key]
        if arrival.stored is None:
            arrival.is_stored(row)
            arrival.has_moved = True
        elif row.withdrawn != BankTransaction.Withdrawn.COPY:
            arrival.is_double(row)


def _other_keys(arrival: Arrival, names: Names) -> set[str]:
    """The keys the entry may have had: of before where it is not stored by now, and where two accounts were one."""
    holder, known_by = arrival.owner.holder, arrival.entry.account.known_by
    former = {account.former for account in holder.merged}
    keys = set()
    if arrival.stored is None:
        former |= {holder.former} - {""}
        keys |= {arrival.written} - {""}
    keys |= {names.key(arrival.key, arrival.entry, known_by, name) for name in former - {known_by}}
    return keys - {"", arrival.key}


def _was_of_a_name(owner: Owner, row: Row) -> bool:
    """Whether the row is with an account that had the owner's name when names lost their blanks."""
    return owner.holder.head.is_name and row.account_id != owner.account_id


def _may_take(owner: Owner, row: Row) -> bool:
    """Whether the row is of this account; one of another account is where this very statement delivered it last."""
    accounts = {owner.account_id} | owner.holder.respelled
    return row.account_id in accounts or row.statement_id == owner.statement_id


def ledger(ctx: Context) -> QuerySet[BankTransaction]:
    return BankTransaction.objects.for_tenant(ctx.tenant).order_by("pk")


def read(query: QuerySet[BankTransaction]) -> Iterator[Row]:
    return map(Row._make, query.values_list(*Row._fields))


def by_key(ctx: Context, keys: Collection[str]) -> dict[str, Row]:
    rows = (row for chunk in chunks(keys) for row in read(ledger(ctx).filter(external_id__in=chunk)))
    return {row.external_id: row for row in rows}


class Near(NamedTuple):
    """A stored row of the day and amount of an arriving entry."""

    row: Row
    texts: object
    """What `Arrival.texts` is of an entry like it."""
    format: str
    has_balances: bool
    """Whether the statement that delivered it last has."""

    @property
    def money(self) -> tuple[int, date, Decimal]:
        return self.row.account_id, self.row.booked_on, self.row.amount


class Nearby:
    """The rows of the days and amounts of a batch's new entries, without copies; read once, when they are asked for."""

    def __init__(self, ctx: Context, arrivals: Collection[Arrival]) -> None:
        self._ctx = ctx
        self._arrivals = arrivals

    @cached_property
    def rows(self) -> list[Near]:
        new = [arrival for arrival in self._arrivals if arrival.stored is None and not arrival.owner.account_is_new]
        return list(_alike(self._ctx, new, self._arrivals)) if new else []


def _alike(ctx: Context, new: Collection[Arrival], arrivals: Collection[Arrival]) -> Iterator[Near]:
    """The rows of the days and amounts of `new`, which are some of a batch's `arrivals`, see `of_others`."""
    days = [arrival.entry.day for arrival in new]
    counted = ledger(ctx).exclude(withdrawn=BankTransaction.Withdrawn.COPY)
    rows = of_others(ctx, counted, arrivals).filter(
        account_id__in={arrival.owner.account_id for arrival in new}, booked_on__range=(min(days), max(days))
    )
    further = ("reference", "counterparty", "description", "statement__format")
    balances = ("statement__opening", "statement__closing")
    for chunk in chunks({arrival.entry.amount for arrival in new}):
        for *values, reference, counterparty, description, form, opening, closing in rows.filter(
            amount__in=chunk
        ).values_list(*Row._fields, *further, *balances):
            row = Row(*values)
            money = (row.account_id, row.booked_on, row.amount)
            texts = money, _texts(reference, counterparty, description)
            yield Near(row, texts, form, None not in (opening, closing))


def of_others(
    ctx: Context, rows: QuerySet[BankTransaction], arrivals: Collection[Arrival]
) -> QuerySet[BankTransaction]:
    """Without the rows of earlier pages of their own statements: a long one would read them all again with each.

    Two files of an archive may have one head, and so one statement: what the first one brought stands at the places
    of the second one's page or after it.
    """
    own = {arrival.owner.statement_id for arrival in arrivals}
    page = min((arrival.entry.position or 0 for arrival in arrivals), default=0)
    return rows.exclude(run_id=ctx.run_id, statement_id__in=own, position__lt=page)


def _texts(*texts: str) -> tuple[str, ...]:
    return tuple(map(plain, texts))


def chunks(values: Collection[Value]) -> Iterator[list[Value]]:
    listed = list(values)
    return (listed[start : start + CHUNK] for start in range(0, len(listed), CHUNK))


def described(day: date, amount: Decimal, currency: str, bank_id: str) -> str:
    money = f"{day} {amount.normalize():f} {currency}"
    return f"{money}, id {bank_id[:40]}" if bank_id else money
