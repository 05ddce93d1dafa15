"""The accounts and statements that entries belong to, created if they are new."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from ingestion import Context
from integrations.bank import day_ends
from integrations.bank.accounts import Accounts, MatchedAccount
from integrations.bank.identity import Ids
from integrations.bank.listings import compress
from integrations.bank.models import BankStatement, BankTransaction
from integrations.bank.numbering import spelled
from integrations.bank.other_names import AccountRenaming
from integrations.bank.schema import AccountHead, BankEntry, StatementHead
from integrations.bank.which_account import add_settings, names_bank_and_kind

Heads = tuple[AccountHead, str, StatementHead]
_CHUNK = 800
"""Values one query names; older SQLite libraries take 999."""


class Owner(NamedTuple):
    """The stored account and statement that an entry belongs to."""

    holder: MatchedAccount
    statement: BankStatement
    sent_again: bool
    """Whether a statement with the same number, balances and dates was stored already."""
    is_new: bool = False
    """Whether the statement is new."""
    listed_before: bytes | None = None
    """What the statement listed until now, if this page changes it."""

    @property
    def statement_id(self) -> int:
        return self.statement.pk

    @property
    def account_id(self) -> int:
        return self.holder.account.pk

    @property
    def account_is_new(self) -> bool:
        return self.holder.is_new


def heads_of(entry: BankEntry) -> Heads:
    return entry.account, entry.account.currency or entry.currency, entry.statement


def find_owners(ctx: Context, ids: Ids, entries: Iterable[BankEntry]) -> dict[Heads, Owner]:
    """The owner for each account and statement among `entries`. A statement costs the same number of queries, however
    long.

    Their accounts are locked first, until the transaction ends. Raises UnreadableFile if several accounts are possible.
    """
    of_heads: dict[Heads, list[BankEntry]] = defaultdict(list)
    for entry in entries:
        of_heads[heads_of(entry)].append(entry)
    accounts = Accounts(ctx, [head for head, *_ in of_heads])
    ordered_heads = sorted(of_heads, key=lambda heads: (heads[0].identifier, heads[1]))
    return {heads: _owner(ctx, ids, accounts, heads, of_heads[heads]) for heads in ordered_heads}


def _owner(ctx: Context, ids: Ids, accounts: Accounts, heads: Heads, entries: Sequence[BankEntry]) -> Owner:
    head, currency, statement = heads
    if names_bank_and_kind(statement.format):
        head = add_settings(head, ctx.config)
    holder = accounts.of(head, currency, statement.format)
    account = holder.account
    listing = next((compress(entry.listing) for entry in entries if entry.listing), None)
    if not holder.is_new and (stored := _find_resent(ctx, account.pk, statement)) is not None:
        return Owner(holder, stored, True, listed_before=_store_listing(ctx, stored, listing))
    if not holder.is_new and (listing_statement := _find_by_listing(ctx, ids, account.pk, entries[0])) is not None:
        return Owner(holder, listing_statement, False)
    if holder.merged and (moved_statement := _find_in_merged(ctx, ids, holder, heads[0].known_by, entries)) is not None:
        return Owner(holder, moved_statement, True)
    statements, external_id = BankStatement.objects.for_tenant(ctx.tenant), _external_id(account.pk, statement)
    existing = None if holder.is_new else statements.filter(external_id=external_id).first()
    if existing is not None:
        return Owner(holder, existing, False, listed_before=_store_listing(ctx, existing, listing))
    # The account is locked, so no other load creates this statement meanwhile.
    new = statements.create(
        tenant_id=ctx.tenant.id,
        external_id=external_id,
        account=account,
        run_id=ctx.run_id,
        first_on=statement.first,
        last_on=statement.last,
        listing=listing,
        **_head_columns(statement),
    )
    return Owner(holder, new, False, is_new=True)


def _head_columns(statement: StatementHead) -> dict[str, Any]:
    """The columns of a statement's row that its head fills."""
    return {
        "format": statement.format[:50],
        "reference": statement.reference[:100],
        "number": statement.number[:50],
        "page": statement.page,
        "opening": statement.opening,
        "closing": statement.closing,
        "period_start": statement.period_start,
        "period_end": statement.period_end,
        "entries": statement.entries,
    }


def _store_listing(ctx: Context, statement: BankStatement, listing: bytes | None) -> bytes | None:
    """Store what the statement lists now: the bank may have moved an entry, or the row is older than listings.

    Returns what it listed before; None if that is the same, or nothing.
    """
    listing_before = None if statement.listing is None else bytes(statement.listing)
    if listing is None or listing_before == listing:
        return None
    statement.listing = listing
    BankStatement.objects.for_tenant(ctx.tenant).filter(pk=statement.pk).update(listing=listing)
    return listing_before


def _find_in_merged(
    ctx: Context, ids: Ids, holder: MatchedAccount, name: str, entries: Sequence[BankEntry]
) -> BankStatement | None:
    """This very statement, if it was loaded into another account of its number. It moves to its own account.

    It may look like a statement of the other account for the same days. So one of its rows must be an entry of this
    statement, stored under the number alone: a later file of the other account would have given the row another id.
    """
    renaming = AccountRenaming(ids)
    for merged_account in holder.merged:
        former = {renaming.key(entry.external_id, entry, name, merged_account.former) for entry in entries} - {""}
        statement = entries[0].statement
        before_it_was_listed = statement.model_copy(update={"listed": ""})
        candidates = BankStatement.objects.for_tenant(ctx.tenant).filter(
            external_id__in=[_external_id(merged_account.pk, head) for head in (statement, before_it_was_listed)]
        )
        statement_row = candidates.order_by("pk").first()
        if statement_row is not None and _has_any_row(ctx, statement_row.pk, sorted(former)):
            statement_row.account, statement_row.external_id = (
                holder.account,
                _external_id(holder.account.pk, statement),
            )
            statement_row.save(update_fields=["account", "external_id"])
            return statement_row
    return None


def _has_any_row(ctx: Context, statement: int, keys: Sequence[str]) -> bool:
    rows = BankTransaction.objects.for_tenant(ctx.tenant).filter(statement_id=statement)
    chunks = (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
    return any(rows.filter(external_id__in=chunk).exists() for chunk in chunks)


def _find_resent(ctx: Context, account_id: int, statement: StatementHead) -> BankStatement | None:
    """The stored statement that this one is, sent again: under any reference, with the balances that prove it."""
    if statement.opening is None or statement.closing is None:
        return None
    candidates = BankStatement.objects.for_tenant(ctx.tenant).filter(
        Q(page=None) | Q(page=statement.page) if statement.page else Q(),
        account_id=account_id,
        opening=statement.opening,
        closing=statement.closing,
        period_start=statement.period_start,
        period_end=statement.period_end,
        entries=statement.entries,
    )
    number = spelled(statement.number[:50])
    return next((stored for stored in candidates.order_by("pk") if spelled(stored.number) == number), None)


def _find_by_listing(ctx: Context, ids: Ids, account_id: int, entry: BankEntry) -> BankStatement | None:
    """The statement without balances that an entry belongs to, if the entry does not say what its file lists.

    That is so for an entry that could not be read and comes again from its dead letter: its statement lists it as
    unreadable. If none does, it is the newest statement with this head.
    """
    statement = entry.statement
    if statement.listed or None not in (statement.opening, statement.closing) or statement.between:
        return None
    candidates = BankStatement.objects.for_tenant(ctx.tenant).filter(account_id=account_id, **_head_columns(statement))
    traits = day_ends.short_traits(entry.account.known_by, entry, ids)
    newest: BankStatement | None = None
    stored: BankStatement
    for stored in candidates.order_by("-pk").iterator(chunk_size=_CHUNK):
        ends, newest = day_ends.read_ends(stored.listing), newest or stored
        if ends is not None and traits & ends.unreadable_on(entry.day):
            return stored
    return newest


def _external_id(account_id: int, statement: StatementHead) -> str:
    # Without what came later than the first statements were stored, and follows from the rest.
    excluded = {"first", "last"} | {name for name in ("page", "between", "listed") if not getattr(statement, name)}
    identifying = statement.model_dump_json(exclude=excluded)
    return hashlib.sha256(f"{account_id}\n{identifying}".encode()).hexdigest()[:40]
