"""The accounts and statements that entries belong to, made when they are new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import Q

from ingestion import Context
from integrations.bank.account_numbers import bank_code
from integrations.bank.models import BankAccount, BankStatement
from integrations.bank.numbering import spelled
from integrations.bank.schema import AccountHead, BankEntry, StatementHead

Heads = tuple[AccountHead, str, StatementHead]


class Owner(NamedTuple):
    """The rows that an entry belongs to."""

    account_id: int
    statement_id: int
    account_is_new: bool
    sent_again: bool
    """Whether a statement of the same number, balances and dates was stored already."""
    former: str = ""
    """What the account's entries may be known by from before; '' for nothing."""


def heads_of(entry: BankEntry) -> Heads:
    return entry.account, entry.account.currency or entry.currency, entry.statement


def owners(ctx: Context, entries: Iterable[BankEntry]) -> dict[Heads, Owner]:
    """The owner for each account and statement among `entries`: as many queries for each statement, however long.

    Their accounts are locked until the transaction ends, so that what is read of them next stays as it is. Every batch
    locks by number and then in the order of the rows, so that no two wait for each other.
    """
    first: dict[Heads, BankEntry] = {}
    for entry in entries:
        first.setdefault(heads_of(entry), entry)
    in_order = sorted(first, key=lambda heads: (heads[0].identifier, heads[1]))
    return {heads: _owner(ctx, heads, first[heads]) for heads in in_order}


def _owner(ctx: Context, heads: Heads, entry: BankEntry) -> Owner:
    head, currency, statement = heads
    respelled = bool(head.former) and _respelled(ctx, head, currency)
    account, is_new, others = _account(ctx, head, currency)
    former = head.former if respelled else account.former
    if not is_new and (stored := _stored(ctx, account.pk, statement)) is not None:
        return Owner(account.pk, stored, is_new, True, former)
    if others and (moved := _loaded_as_another(ctx, account, others, entry)) is not None:
        return Owner(account.pk, moved, False, True, others[0].former)
    kept, _ = BankStatement.objects.for_tenant(ctx.tenant).get_or_create(
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
        },
    )
    return Owner(account.pk, kept.pk, is_new, False, former)


def _account(ctx: Context, head: AccountHead, currency: str) -> tuple[BankAccount, bool, list[BankAccount]]:
    """The account, whether it is new, and those that may hold statements of it from when the number alone counted.

    One that was known by its number alone, from another format or from that time, becomes the one that agrees with it;
    a statement that names neither bank nor kind is of the only account of its number.
    """
    of_number = BankAccount.objects.for_tenant(ctx.tenant).filter(identifier=head.identifier, currency=currency)
    accounts = list(of_number.order_by("pk").select_for_update())
    former = [account for account in accounts if account.former and account.qualifier != head.qualifier]
    for account in accounts:
        if account.qualifier == head.qualifier:
            return account, False, former if head.qualifier else []
    if not head.qualifier and len(accounts) == 1:
        return accounts[0], False, []
    bank, kind = head.bank[:100], head.kind[:30]
    for account in accounts:
        if not account.qualifier and bank_code(account.bank) in ("", bank_code(bank)) and account.kind in ("", kind):
            of_number.filter(pk=account.pk, qualifier="").update(qualifier=head.qualifier, bank=bank, kind=kind)
            return account, False, []
    account, is_new = BankAccount.objects.for_tenant(ctx.tenant).get_or_create(
        tenant_id=ctx.tenant.id,
        identifier=head.identifier,
        currency=currency,
        qualifier=head.qualifier,
        defaults={"bank": bank, "name": head.name[:200], "kind": kind},
    )
    if not is_new:  # another load made it after we looked, and was waited for
        account = of_number.select_for_update().get(pk=account.pk)
    return account, is_new, former if head.qualifier else []


def _respelled(ctx: Context, head: AccountHead, currency: str) -> bool:
    """Whether the account is stored under a spelling of before; where it is under that alone, it takes the new one."""
    accounts = BankAccount.objects.for_tenant(ctx.tenant).filter(currency=currency)
    former = accounts.filter(identifier=head.former)
    if not former.exists():
        return False
    if not accounts.filter(identifier=head.identifier).exists():
        former.update(identifier=head.identifier, former=head.former)
    return True


def _loaded_as_another(
    ctx: Context, account: BankAccount, others: Sequence[BankAccount], entry: BankEntry
) -> int | None:
    """This very statement, where it was loaded into another account of the number. It moves to its own account.

    One without balances may look like the other account's own of the same days, so an entry must be stored of it.
    """
    external_ids = [_external_id(other.pk, entry.statement) for other in others]
    loaded = BankStatement.objects.for_tenant(ctx.tenant).filter(external_id__in=external_ids)
    holding = loaded.filter(
        transactions__booked_on=entry.day,
        transactions__amount=entry.amount,
        transactions__bank_id=entry.bank_id[:255],
    )
    pk = holding.order_by("pk").values_list("pk", flat=True).first()
    if pk is not None:
        loaded.filter(pk=pk).update(account=account, external_id=_external_id(account.pk, entry.statement))
    return pk


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


def _external_id(account_id: int, statement: StatementHead) -> str:
    # Without what came later than the first statements were stored, and follows from the rest.
    later = {"first", "last"} if statement.page else {"first", "last", "page"}
    identifying = statement.model_dump_json(exclude=later)
    return hashlib.sha256(f"{account_id}\n{identifying}".encode()).hexdigest()[:40]
