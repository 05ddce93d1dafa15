"""The ledger: accounts and statements are made as their entries arrive, then the entries are upserted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion import Context, Loaded, Ready, Stored, Upsert
from integrations.bank.models import BankAccount, BankStatement, BankTransaction
from integrations.bank.schema import AccountHead, BankEntry, StatementHead

_ENTRIES = Upsert(BankTransaction, key=["external_id"])
_Heads = tuple[AccountHead, str, StatementHead]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Loads `BankEntry` values. Everything but `load` is the entries' own `Upsert`."""

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        return _ENTRIES.stored(ctx, keys)

    def empty(self, ctx: Context) -> bool:
        return _ENTRIES.empty(ctx)

    def key_of(self, row: BankEntry) -> str:
        return row.external_id

    def version_of(self, row: BankEntry) -> Any:
        return None

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        owners = {heads: _owners(ctx, heads) for heads in {_heads(one.row) for one in rows}}
        given = {one.row.external_id: one for one in rows}
        loaded = _ENTRIES.load(ctx, [one._replace(row=_columns(one.row, *owners[_heads(one.row)])) for one in rows])
        return Loaded([given[one.row["external_id"]] for one in loaded.ready], loaded.rejected)

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return _ENTRIES.total(ctx, column, keys)

    def problems(self) -> list[str]:
        return _ENTRIES.problems()


def _heads(entry: BankEntry) -> _Heads:
    return entry.account, entry.account.currency or entry.currency, entry.statement


def _owners(ctx: Context, heads: _Heads) -> tuple[int, int]:
    """The ids of the account and the statement, made when they are new."""
    head, currency, statement = heads
    account, _ = BankAccount.objects.for_tenant(ctx.tenant).get_or_create(
        tenant_id=ctx.tenant.id,
        identifier=head.identifier,
        currency=currency,
        defaults={"bank": head.bank[:100], "name": head.name[:200], "kind": head.kind[:30]},
    )
    kept, _ = BankStatement.objects.for_tenant(ctx.tenant).get_or_create(
        tenant_id=ctx.tenant.id,
        external_id=_statement_id(account.pk, statement),
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
            "entries": statement.entries,
        },
    )
    return account.pk, kept.pk


def _statement_id(account_id: int, statement: StatementHead) -> str:
    return hashlib.sha256(f"{account_id}\n{statement.model_dump_json()}".encode()).hexdigest()[:40]


def _columns(entry: BankEntry, account_id: int, statement_id: int) -> dict[str, Any]:
    """The row. Texts too long for their column are cut: the whole of them is in the raw artifact."""
    return {
        "external_id": entry.external_id,
        "account_id": account_id,
        "statement_id": statement_id,
        "booked_on": entry.day,
        "value_on": entry.value_on,
        "amount": entry.amount,
        "currency": entry.currency,
        "bank_id": entry.bank_id[:255],
        "reference": entry.reference[:255],
        "kind": entry.kind[:50],
        "counterparty": entry.counterparty[:255],
        "counterparty_account": entry.counterparty_account[:100],
        "description": entry.description,
        "parts": entry.parts,
        "details": entry.details,
    }
