"""The accounts and statements that entries belong to, made when they are new."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

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
    statement_id: int
    sent_again: bool
    """Whether a statement of the same number, balances and dates was stored already."""
    is_new: bool = False
    """Whether the statement is."""
    listed_before: bytes | None = None
    """What the statement listed until now, where it lists something else with this page."""

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
    kept, is_new = BankStatement.objects.for_tenant(ctx.tenant).get_or_create(
        tenant_id=ctx.tenant.id,
        external_id=_external_id(account.pk, statement),
        defaults={
            "account": account,
            "run_id": ctx.run_id,
            "format": statement.format[:50],
            "reference": statement.reference[:100],
            "number": statement.number[:50],
            "page": statement.page,
            "opening": statement.opening,
            "closing": statement.closing,
            "period_start": statement.period_start,
            "period_end": statement.period_end,
            "first_on": statement.first,
            "last_on": statement.last,
            "entries": statement.entries,
            "listing": listing,
        },
    )
    return Owner(holder, kept.pk, False, is_new, None if is_new else _list(ctx, kept.pk, listing))


def _list(ctx: Context, pk: int, listing: bytes | None) -> bytes | None:
    """Keep what the statement lists now: the bank may have moved an entry, or it is from before that was kept.

    What it listed before, None where that is the same or nothing.
    """
    if listing is None:
        return None
    changed = BankStatement.objects.for_tenant(ctx.tenant).filter(pk=pk).exclude(listing=listing)
    before = changed.values_list("listing", flat=True).first()
    changed.update(listing=listing)
    return None if before is None else bytes(before)


def _loaded_as_another(ctx: Context, ids: Ids, holder: Holder, name: str, entries: Sequence[BankEntry]) -> int | None:
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
        pk = loaded.order_by("pk").values_list("pk", flat=True).first()
        if pk is not None and _holds(ctx, pk, sorted(former)):
            loaded.filter(pk=pk).update(account=holder.account, external_id=_external_id(holder.account.pk, statement))
            return pk
    return None


def _holds(ctx: Context, statement: int, keys: Sequence[str]) -> bool:
    rows = BankTransaction.objects.for_tenant(ctx.tenant).filter(statement_id=statement)
    chunks = (keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK))
    return any(rows.filter(external_id__in=chunk).exists() for chunk in chunks)


def _stored(ctx: Context, account_id: int, statement: StatementHead) -> int | None:
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
    numbers = same.order_by("pk").values_list("pk", "number")
    return next((pk for pk, number in numbers if spelled(number) == own), None)


def _listing_it(ctx: Context, ids: Ids, account_id: int, entry: BankEntry) -> int | None:
    """Which statement without balances an entry is of that does not say what its file lists.

    One that could not be read does not, and comes again from its dead letter: its statement lists it as unreadable.
    Else it is the newest one of the head.
    """
    statement = entry.statement
    if statement.listed or None not in (statement.opening, statement.closing) or statement.between:
        return None
    same = BankStatement.objects.for_tenant(ctx.tenant).filter(
        account_id=account_id,
        format=statement.format[:50],
        reference=statement.reference[:100],
        number=statement.number[:50],
        page=statement.page,
        opening=statement.opening,
        closing=statement.closing,
        period_start=statement.period_start,
        period_end=statement.period_end,
        entries=statement.entries,
    )
    traits, newest = day_ends.traits(entry.account.known_by, entry, ids), None
    for pk, listing in same.order_by("-pk").values_list("pk", "listing").iterator(chunk_size=_CHUNK):
        ends, newest = day_ends.read(listing), newest or pk
        if ends is not None and traits & ends.unread(entry.day):
            return pk
    return newest


def _external_id(account_id: int, statement: StatementHead) -> str:
    # Without what came later than the first statements were stored, and follows from the rest.
    later = {"first", "last"} | {name for name in ("page", "between", "listed") if not getattr(statement, name)}
    identifying = statement.model_dump_json(exclude=later)
    return hashlib.sha256(f"{account_id}\n{identifying}".encode()).hexdigest()[:40]
