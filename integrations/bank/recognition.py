"""Entries that cannot be read and are stored already, from a file in which they could be.

What is left to read decides, as it does for the name of the letter (unreadable.py): day and texts where the amount is
wrong, amount and texts within the statement's days where the day is. As many must be stored as the statement has, so
that an equal entry beside it is not taken for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from ingestion import Context, Rejected, UnreadableFile
from integrations.bank import unreadable
from integrations.bank.arrivals import ledger
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.identity import plain
from integrations.bank.models import BankAccount, BankTransaction
from integrations.bank.schema import AccountHead
from integrations.bank.which_account import chosen, promises, with_settings

_MOST = 200
"""Rejected entries of a page that are looked for; a page of more has no few faults."""


def recognized(ctx: Context, rejected: Sequence[Rejected]) -> list[tuple[Rejected, str]]:
    """Those that are stored, each with its row in words."""
    pairs = []
    for one in rejected[:_MOST]:
        rows = list(_stored(ctx, _entry(one)))
        if rows:
            pairs.append((one, f"stored as {_shown(rows[0])} by run {rows[0].run_id}"))
    return pairs


def _entry(one: Rejected) -> dict[str, Any]:
    """The record of an unreadable entry; {} for any other."""
    try:
        body = json.loads(one.record.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and body.get("unreadable") and "account" in body else {}


def _stored(ctx: Context, entry: dict[str, Any]) -> Iterator[BankTransaction]:
    """Rows that are as the entry in all that can be read of it; none where they are fewer than such entries."""
    among = entry.get("among", 0)
    if not among:  # not unreadable, or from before that was counted
        return
    account = _account(ctx, entry)
    if account is None:
        return
    rows = ledger(ctx).filter(account=account.pk, withdrawn="")
    day, amount = _day(entry), _amount(entry)
    if day is not None:
        rows = rows.filter(booked_on=day)
    elif amount is not None and (span := _span(entry)) is not None:
        rows = rows.filter(amount=amount, booked_on__range=span)
    else:
        return
    alike = [row for row in rows[:1000] if _reads_as(row, entry)]
    if len(alike) >= int(among):
        yield from alike


def _account(ctx: Context, entry: dict[str, Any]) -> BankAccount | None:
    """The stored account of the entry; None where there is none, or nobody can tell which."""
    form, head = entry["statement"]["format"], AccountHead.model_construct(**entry["account"])
    currency = head.currency or entry["currency"]
    of_number = BankAccount.objects.for_tenant(ctx.tenant).filter(identifier=head.identifier, currency=currency)
    try:
        return chosen(with_settings(head, ctx.config) if promises(form) else head, list(of_number.order_by("pk")), form)
    except UnreadableFile:
        return None


def _day(entry: dict[str, Any]) -> date | None:
    booked = entry["booked_on"] or (None if entry["booked_text"] else entry["value_on"])
    return date.fromisoformat(booked) if booked else None


def _amount(entry: dict[str, Any]) -> Decimal | None:
    try:
        amount = Decimal(entry["amount"])
    except (InvalidOperation, TypeError):
        return None
    return None if unreadable.is_no_amount(amount, entry["currency"]) else amount


def _span(entry: dict[str, Any]) -> tuple[date, date] | None:
    start, end = entry["statement"]["period_start"], entry["statement"]["period_end"]
    return (date.fromisoformat(start), date.fromisoformat(end)) if start and end else None


def _reads_as(row: BankTransaction, entry: dict[str, Any]) -> bool:
    """Whether id, or else texts, are the same as they are stored."""
    name = bank_id_of(entry["bank_id"])
    if name or bank_id_of(row.bank_id):
        return name[:255] == row.bank_id
    texts = (entry["reference"][:255], entry["counterparty"][:255], entry["description"])
    return tuple(map(plain, texts)) == tuple(map(plain, (row.reference, row.counterparty, row.description)))


def _shown(row: BankTransaction) -> str:
    return f"{row.booked_on} {row.amount.normalize():f} {row.currency}"
