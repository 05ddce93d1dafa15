"""The accounts and statements that entries belong to, made when they are new."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db.models import Q

from ingestion import Context
from integrations.bank import day_ends
from integrations.bank.accounts import Accounts, Holder
from integrations.bank.identity import Ids
from integrations.bank.listings import compressed
from integrations.bank.models import BankStatement, BankTransaction
from integrations.bank.numbering import spelled
from integrations.bank.other_names import Names
from integrations.bank.schema import AccountHead, BankEntry, StatementHead
from integrations.bank.which_account import promises, with_settings

Heads = tuple[AccountHead, str, StatementHead]
_CHUNK = 800
"""Values one query names; older SQLite libraries take 999."""


class Owner(NamedTuple):
    """The rows that an entry belongs to."""

    holder: Holder
    statement: BankStatement
    sent_again: bool
    """Whether a statement of the same number, balances and dates was stored already."""
    is_new: bool = False
    """Whether the statement is."""
    listed_before: bytes | None = None
    """What the statement listed until now, where it lists something else with this page."""

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


def owners(ctx: Context, ids: Ids, entries: Iterable[BankEntry]) -> dict[Heads, Owner]:
    """The owner for each account and statement among `entries`: as many queries for each statement, however long.

    Their accounts are locked first of all, until the transaction ends. Raises UnreadableFile where nobody can tell
    which account it is.
    """
    of_heads: dict[Heads, list[BankEntry]] = defaultdict(list)
    for entry in entries:
        of_heads[heads_of(entry)].append(entry)
    accounts = Accounts(ctx, [head for head, *_ in of_heads])
    in_order = sorted(of_heads, key=lambda heads: (heads[0].identifier, heads[1]))
    return {heads: _owner(ctx, ids, accounts, heads, of_heads[heads]) for heads in in_order}


def _owner(ctx: Context, ids: Ids, accounts: Accounts, heads: Heads, entries: Sequence[BankEntry]) -> Owner:
    head, currency, statement = heads
    if promises(statement.format):
        head = with_settings(head, ctx.config)
    holder = accounts.of(head, currency, statement.format)
    account = holder.account
    listing = next((compressed(entry.listing) for entry in entries if entry.listing), None)
    if not holder.is_new and (stored := _stored(ctx, account.pk, statement)) is not None:
        return Owner(holder, stored, True, listed_before=_list(ctx, stored, listing))
    if not holder.is_new and (listing_it := _listing_it(ctx, ids, account.pk, entries[0])) is not None:
        return Owner(holder, listing_it, False)
    if holder.merged and (moved := _loaded_as_another(ctx, ids, holder, heads[0].known_by, entries)) is not None:
        return Owner(holder, moved, True)
    statements, external_id = BankStatement.objects.for_tenant(ctx.tenant), _external_id(account.pk, statement)
    same = None if holder.is_new else statements.filter(external_id=external_id).first()
    if same is not None:
        return Owner(holder, same, False, listed_before=_list(ctx, same, listing))
    # The account is locked, so nobody else makes this statement meanwhile.
    new = statements.create(
        tenant_id=ctx.tenant.id,
        external_id=external_id,
        account=account,
        run_id=ctx.run_id,
        first_on=statement.first,
        last_on=statement.last,
        listing=listing,
        **_of_head(statement),
    )
    return Owner(holder, new, False, is_new=True)


def _of_head(statement: StatementHead) -> dict[str, Any]:
    """The columns of a statement's row that its head says."""
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


def _list(ctx: Context, statement: BankStatement, listing: bytes | None) -> bytes | None:
    """Keep what the statement lists now: the bank may have moved an entry, or it is from before that was kept.

    What it listed before, None where that is the same or nothing.
    """
    before = None if statement.listing is None else bytes(statement.listing)
    if listing is None or before == listing:
        return None
    statement.listing = listing
    BankStatement.objects.for_tenant(ctx.tenant).filter(pk=statement.pk).update(listing=listing)
    return before


def _loaded_as_another(
    ctx: Context, ids: Ids, holder: Holder, name: str, entries: Sequence[BankEntry]
) -> BankStatement | None:
    """This very statement, where it was loaded into another account of the number. It moves to its own account.

    It may look like the other account's own of the same days, so one of its rows must be an entry of this one, and be
    known by the number alone: a file of the other account that came again since would have given it another id.
    """
    names = Names(ids)
    for other in holder.merged:
        former = {names.key(entry.external_id, entry, name, other.former) for entry in entries} - {""}
        statement = entries[0].statement
        before_it_was_listed = statement.model_copy(update={"listed": ""})
        loaded = BankStatement.objects.for_tenant(ctx.tenant).filter(
            external_id__in=[_external_id(other.pk, each) for each in (statement, before_it_was_listed)]
        )
        moved = loaded.order_by("pk").first()
        if moved is not None and _holds(ctx, moved.pk, sorted(former)):
            moved.account, moved.external_id = holder.account, _external_id(holder.account.pk, statement)
            moved.save(update_fields=["account", "external_id"])
            return moved
    return None


def _holds(ctx: Context, statement: int, keys: Sequence[str]) -> bool:
    rows = BankTransaction.objects.for_tenant(ctx.tenant).filter(statement_id=statement)
    chunks = (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
    return any(rows.filter(external_id__in=chunk).exists() for chunk in chunks)


def _stored(ctx: Context, account_id: int, statement: StatementHead) -> BankStatement | None:
    """The statement that this one is, sent again: under whatever reference, with the balances that prove it."""
    if statement.opening is None or statement.closing is None:
        return None
    same = BankStatement.objects.for_tenant(ctx.tenant).filter(
        Q(page=None) | Q(page=statement.page) if statement.page else Q(),
        account_id=account_id,
        opening=statement.opening,
        closing=statement.closing,
        period_start=statement.period_start,
        period_end=statement.period_end,
        entries=statement.entries,
    )
    own = spelled(statement.number[:50])
    return next((stored for stored in same.order_by("pk") if spelled(stored.number) == own), None)


def _listing_it(ctx: Context, ids: Ids, account_id: int, entry: BankEntry) -> BankStatement | None:
    """Which statement without balances an entry is of that does not say what its file lists.

    One that could not be read does not, and comes again from its dead letter: its statement lists it as unreadable.
    Else it is the newest one of the head.
    """
    statement = entry.statement
    if statement.listed or None not in (statement.opening, statement.closing) or statement.between:
        return None
    same = BankStatement.objects.for_tenant(ctx.tenant).filter(account_id=account_id, **_of_head(statement))
    traits = day_ends.traits(entry.account.known_by, entry, ids)
    newest: BankStatement | None = None
    stored: BankStatement
    for stored in same.order_by("-pk").iterator(chunk_size=_CHUNK):
        ends, newest = day_ends.read(stored.listing), newest or stored
        if ends is not None and traits & ends.unread(entry.day):
            return stored
    return newest


def _external_id(account_id: int, statement: StatementHead) -> str:
    # Without what came later than the first statements were stored, and follows from the rest.
    later = {"first", "last"} | {name for name in ("page", "between", "listed") if not getattr(statement, name)}
    identifying = statement.model_dump_json(exclude=later)
    return hashlib.sha256(f"{account_id}\n{identifying}".encode()).hexdigest()[:40]
