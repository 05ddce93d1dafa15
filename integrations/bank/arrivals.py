"""Entries on their way into the ledger, and the stored rows they are compared with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, TypeVar

from django.db.models import QuerySet

from ingestion import Context, Ready
from integrations.bank.heads import Owner, find_owners, heads_of
from integrations.bank.identity import Ids, normalize
from integrations.bank.models import BankTransaction
from integrations.bank.other_names import AccountRenaming
from integrations.bank.schema import BankEntry

Value = TypeVar("Value")
CHUNK = 800
"""Values that one query names. Older SQLite libraries take 999."""


class StoredRow(NamedTuple):
    """The stored columns of an entry that arriving entries are compared with."""

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
    def summary(self) -> str:
        """How a note of a run names the entry: day, amount, and the bank's id."""
        return summarise_entry(self.booked_on, self.amount, self.currency, self.bank_id)


@dataclass(slots=True)
class Arrival:
    """One entry of a batch. `stored` is its row in the ledger, None while the entry counts as new."""

    ready: Ready
    owner: Owner
    key: str
    stored: StoredRow | None = None
    withdrawn: str = ""
    replaced_by_id: int | None = None
    has_moved: bool = False
    """The stored row belongs to the account under its former name."""
    is_older: bool = False
    """The stored row comes from a later statement and is not changed."""
    duplicate: StoredRow | None = None
    """A second row of the entry, beside `stored`, from the time when the number alone told accounts apart."""
    key_in_file: str = ""
    """The key that the file gives, if the account is known under another name than the file's."""
    elsewhere: StoredRow | None = None
    """A row of that time that may be this entry: nothing shows that it belongs to the other account."""

    @property
    def entry(self) -> BankEntry:
        entry: BankEntry = self.ready.row
        return entry

    @property
    def money(self) -> tuple[int, date, Decimal]:
        """Account, day and amount: two entries are the same only if these agree, whatever their texts."""
        return self.owner.account_id, self.entry.day, self.entry.amount

    @property
    def amount(self) -> Decimal:
        return self.entry.amount

    @property
    def is_twin(self) -> bool:
        """Whether the stored row of its key proved to be another entry, so that this entry took the next key."""
        return self.key != self.entry.external_id

    @property
    def summary(self) -> str:
        entry = self.entry
        return summarise_entry(entry.day, entry.amount, entry.currency, entry.bank_id)

    @property
    def texts(self) -> object:
        """Money and texts as they are stored: two entries with different ids may still agree in these."""
        entry = self.entry
        return self.money, _plain_texts(entry.reference[:255], entry.counterparty[:255], entry.description)

    @property
    def has_balances(self) -> bool:
        return None not in (self.entry.statement.opening, self.entry.statement.closing)

    def take_row(self, row: StoredRow) -> None:
        """This entry is that row. What was decided about the row stays."""
        self.stored, self.withdrawn, self.replaced_by_id = row, row.withdrawn, row.replaced_by_id

    def take_duplicate(self, row: StoredRow) -> None:
        """This stored entry is that row as well. What was decided about that row holds."""
        self.duplicate = row
        if row.withdrawn and not self.withdrawn:
            self.withdrawn, self.replaced_by_id = row.withdrawn, row.replaced_by_id


def read_arrivals(ctx: Context, ids: Ids, rows: Iterable[Ready]) -> list[Arrival]:
    """The rows of a batch with their accounts, their statements, and the stored rows that have the same keys."""
    rows, renaming = list(rows), AccountRenaming(ids)
    owned = find_owners(ctx, ids, (ready.row for ready in rows))
    arrivals = [_arrival(ready, owned[heads_of(ready.row)], renaming) for ready in rows]
    if all(owner.holder.has_no_rows for owner in owned.values()):
        return arrivals
    stored = rows_by_key(ctx, [arrival.key for arrival in arrivals])
    for arrival in arrivals:
        if arrival.key in stored:
            arrival.take_row(stored[arrival.key])
            arrival.has_moved = _was_of_a_name(arrival.owner, stored[arrival.key])
    _find_rows_of_other_names(ctx, arrivals, renaming)
    return arrivals


def _arrival(ready: Ready, owner: Owner, renaming: AccountRenaming) -> Arrival:
    """The entry under the name its account is known by, whatever its file says of bank and kind."""
    entry: BankEntry = ready.row
    head, name_in_file = owner.holder.head, entry.account.known_by
    if head.known_by == name_in_file:
        return Arrival(ready, owner, entry.external_id)
    key = renaming.key(entry.external_id, entry, name_in_file, head.known_by) or entry.external_id
    row = entry.model_copy(update={"account": head, "external_id": key})
    return Arrival(ready._replace(row=row), owner, key, key_in_file=entry.external_id)


def _find_rows_of_other_names(ctx: Context, arrivals: Collection[Arrival], renaming: AccountRenaming) -> None:
    """Entries that are stored under an earlier name of their account keep their rows."""
    candidates = [(arrival, key) for arrival in arrivals for key in _earlier_keys(arrival, renaming)]
    rows = rows_by_key(ctx, {key for _, key in candidates}) if candidates else {}
    for arrival, key in candidates:
        if (row := rows.get(key)) is None:
            continue
        if not _may_take(arrival.owner, row):
            arrival.elsewhere = None if row.account_id in arrival.owner.holder.distinct_accounts else row
            continue
        del rows[key]
        if arrival.stored is None:
            arrival.take_row(row)
            arrival.has_moved = True
        elif row.withdrawn != BankTransaction.Withdrawn.COPY:
            arrival.take_duplicate(row)


def _earlier_keys(arrival: Arrival, renaming: AccountRenaming) -> set[str]:
    """The keys under which the entry may be stored: of earlier spellings while it counts as new, and of the time when
    two accounts were one.
    """
    holder, known_by = arrival.owner.holder, arrival.entry.account.known_by
    former = {account.former for account in holder.merged}
    keys = set()
    if arrival.stored is None:
        former |= {holder.former} - {""}
        keys |= {arrival.key_in_file} - {""}
    keys |= {renaming.key(arrival.key, arrival.entry, known_by, name) for name in former - {known_by}}
    return keys - {"", arrival.key}


def _was_of_a_name(owner: Owner, row: StoredRow) -> bool:
    """Whether the row belongs to the account that had the owner's name when names lost their blanks."""
    return owner.holder.head.is_name and row.account_id != owner.account_id


def _may_take(owner: Owner, row: StoredRow) -> bool:
    """Whether the row belongs to this account, or to another one but this very statement delivered it last."""
    accounts = {owner.account_id} | owner.holder.respelled
    return row.account_id in accounts or row.statement_id == owner.statement_id


def ledger(ctx: Context) -> QuerySet[BankTransaction]:
    return BankTransaction.objects.for_tenant(ctx.tenant).order_by("pk")


def read_rows(query: QuerySet[BankTransaction]) -> Iterator[StoredRow]:
    return map(StoredRow._make, query.values_list(*StoredRow._fields))


def rows_by_key(ctx: Context, keys: Collection[str]) -> dict[str, StoredRow]:
    rows = (row for chunk in chunks(keys) for row in read_rows(ledger(ctx).filter(external_id__in=chunk)))
    return {row.external_id: row for row in rows}


class NearbyRow(NamedTuple):
    """A stored row with the day and amount of an arriving entry."""

    row: StoredRow
    texts: object
    """What `Arrival.texts` is for an entry like this row."""
    format: str
    has_balances: bool
    """Whether the statement that delivered the row last has balances."""

    @property
    def money(self) -> tuple[int, date, Decimal]:
        return self.row.account_id, self.row.booked_on, self.row.amount


class Nearby:
    """The rows with the days and amounts of a batch's new entries, without copies. They are read once, on first use."""

    def __init__(self, ctx: Context, arrivals: Collection[Arrival]) -> None:
        self._ctx = ctx
        self._arrivals = arrivals

    @cached_property
    def rows(self) -> list[NearbyRow]:
        new = [arrival for arrival in self._arrivals if arrival.stored is None and not arrival.owner.account_is_new]
        return list(_nearby_rows(self._ctx, new, self._arrivals)) if new else []


def _nearby_rows(ctx: Context, new: Collection[Arrival], arrivals: Collection[Arrival]) -> Iterator[NearbyRow]:
    """The rows with the days and amounts of `new`, some of a batch's `arrivals`; see `without_earlier_pages`."""
    days = [arrival.entry.day for arrival in new]
    countable = ledger(ctx).exclude(withdrawn=BankTransaction.Withdrawn.COPY)
    rows = without_earlier_pages(ctx, countable, arrivals).filter(
        account_id__in={arrival.owner.account_id for arrival in new}, booked_on__range=(min(days), max(days))
    )
    text_columns = ("reference", "counterparty", "description", "statement__format")
    balances = ("statement__opening", "statement__closing")
    for chunk in chunks({arrival.entry.amount for arrival in new}):
        for *values, reference, counterparty, description, form, opening, closing in rows.filter(
            amount__in=chunk
        ).values_list(*StoredRow._fields, *text_columns, *balances):
            row = StoredRow(*values)
            money = (row.account_id, row.booked_on, row.amount)
            texts = money, _plain_texts(reference, counterparty, description)
            yield NearbyRow(row, texts, form, None not in (opening, closing))


def without_earlier_pages(
    ctx: Context, rows: QuerySet[BankTransaction], arrivals: Collection[Arrival]
) -> QuerySet[BankTransaction]:
    """The rows without those of earlier pages of the batch's own statements, which every page of a long statement would
    read again.

    Two files of an archive may have the same heading, and so the same statement. The rows of the first file are then at
    or after the positions of the second file's page.
    """
    statements = {arrival.owner.statement_id for arrival in arrivals}
    first_position = min((arrival.entry.position or 0 for arrival in arrivals), default=0)
    return rows.exclude(run_id=ctx.run_id, statement_id__in=statements, position__lt=first_position)


def _plain_texts(*texts: str) -> tuple[str, ...]:
    return tuple(map(normalize, texts))


def chunks(values: Collection[Value]) -> Iterator[list[Value]]:
    all_values = list(values)
    return (all_values[start : start + CHUNK] for start in range(0, len(all_values), CHUNK))


def summarise_entry(day: date, amount: Decimal, currency: str, bank_id: str) -> str:
    money = f"{day} {amount.normalize():f} {currency}"
    return f"{money}, id {bank_id[:40]}" if bank_id else money
