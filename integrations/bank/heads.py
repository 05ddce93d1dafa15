"""The accounts and statements that entries belong to, made when they are new."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from ingestion import Context
from integrations.bank.models import BankAccount, BankStatement
from integrations.bank.schema import AccountHead, BankEntry, StatementHead

Heads = tuple[AccountHead, str, StatementHead]


class Owner(NamedTuple):
    """The rows that an entry belongs to."""

    account_id: int
    statement_id: int
    account_is_new: bool
    sent_again: bool
    """Whether a statement of the same number, balances and dates was stored already."""


def heads_of(entry: BankEntry) -> Heads:
    return entry.account, entry.account.currency or entry.currency, entry.statement


def owners(ctx: Context, entries: Iterable[BankEntry]) -> dict[Heads, Owner]:
    """The owner for each account and statement among `entries`: two or three queries a statement, however long."""
    return {heads: _owner(ctx, heads) for heads in dict.fromkeys(map(heads_of, entries))}


def _owner(ctx: Context, heads: Heads) -> Owner:
    head, currency, statement = heads
    account, is_new = BankAccount.objects.for_tenant(ctx.tenant).get_or_create(
        tenant_id=ctx.tenant.id,
        identifier=head.identifier,
        currency=currency,
        defaults={"bank": head.bank[:100], "name": head.name[:200], "kind": head.kind[:30]},
    )
    if not is_new and (stored := _stored(ctx, account.pk, statement)) is not None:
        return Owner(account.pk, stored, is_new, True)
    kept, _ = BankStatement.objects.for_tenant(ctx.tenant).get_or_create(
        tenant_id=ctx.tenant.id,
        external_id=_external_id(account.pk, statement),
        defaults={
            "account": account,
            "run_id": ctx.run_id,
            "format": statement.format[:50],
            "reference": statement.reference[:100],
            "number": statement.number[:50],
            "opening": statement.opening,
            "closing": statement.closing,
            "period_start": statement.period_start,
            "period_end": statement.period_end,
            "first_on": statement.first,
            "last_on": statement.last,
            "entries": statement.entries,
        },
    )
    return Owner(account.pk, kept.pk, is_new, False)


def _stored(ctx: Context, account_id: int, statement: StatementHead) -> int | None:
    """The statement that this one is, sent again: under whatever reference, with the balances that prove it."""
    if statement.opening is None or statement.closing is None:
        return None
    same = BankStatement.objects.for_tenant(ctx.tenant).filter(
        account_id=account_id,
        number=statement.number[:50],
        opening=statement.opening,
        closing=statement.closing,
        period_start=statement.period_start,
        period_end=statement.period_end,
        entries=statement.entries,
    )
    return same.order_by("pk").values_list("pk", flat=True).first()


def _external_id(account_id: int, statement: StatementHead) -> str:
    # Without what came later than the first statements were stored, and follows from the rest.
    identifying = statement.model_dump_json(exclude={"first", "last"})
    return hashlib.sha256(f"{account_id}\n{identifying}".encode()).hexdigest()[:40]
