"""Entries that cannot be read and are stored already, because an earlier file had them in a readable form.

What can still be read decides, as it does for the name of the dead letter (unreadable.py): day and texts where the
amount is wrong; amount and texts within the statement's days where the day is wrong. At least as many such rows must be
stored as the statement has such entries, so that an equal entry beside it does not count as its row.
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
from integrations.bank.identity import normalize
from integrations.bank.models import BankAccount, BankTransaction
from integrations.bank.schema import AccountHead
from integrations.bank.which_account import add_settings, choose_account, names_bank_and_kind

_MOST = 200
"""How many rejected entries of a page are looked up. A page with more has a fault of another kind."""


def find_stored(ctx: Context, rejected: Sequence[Rejected]) -> list[tuple[Rejected, str]]:
    """The rejected entries that are stored, each with a description of its row."""
    pairs = []
    for rejection in rejected[:_MOST]:
        rows = list(_stored(ctx, _unreadable_entry(rejection)))
        if rows:
            row = rows[0]
            money = f"{row.booked_on} {row.amount.normalize():f} {row.currency}"
            pairs.append((rejection, f"stored as {money} by run {row.run_id}"))
    return pairs


def _unreadable_entry(rejection: Rejected) -> dict[str, Any]:
    """The record of an unreadable entry; {} for any other record."""
    try:
        body = json.loads(rejection.record.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) and body.get("unreadable") and "account" in body else {}


def _stored(ctx: Context, entry: dict[str, Any]) -> Iterator[BankTransaction]:
    """The rows that match everything readable in the entry; none if fewer rows match than the statement has such
    entries.
    """
    statement_count = entry.get("among", 0)
    if not statement_count:  # not unreadable, or from before that was counted
        return
    account = _account_of(ctx, entry)
    if account is None:
        return
    rows = ledger(ctx).filter(account=account.pk, withdrawn="")
    day, amount = _readable_day(entry), _readable_amount(entry)
    if day is not None:
        rows = rows.filter(booked_on=day)
    elif amount is not None and (period := _period(entry)) is not None:
        rows = rows.filter(amount=amount, booked_on__range=period)
    else:
        return
    matching = [row for row in rows[:1000] if _reads_as(row, entry)]
    if len(matching) >= int(statement_count):
        yield from matching


def _account_of(ctx: Context, entry: dict[str, Any]) -> BankAccount | None:
    """The stored account of the entry; None if there is none, or if several accounts are possible."""
    form, head = entry["statement"]["format"], AccountHead.model_construct(**entry["account"])
    currency = head.currency or entry["currency"]
    of_number = BankAccount.objects.for_tenant(ctx.tenant).filter(identifier=head.identifier, currency=currency)
    try:
        return choose_account(
            add_settings(head, ctx.config) if names_bank_and_kind(form) else head, list(of_number.order_by("pk")), form
        )
    except UnreadableFile:
        return None


def _readable_day(entry: dict[str, Any]) -> date | None:
    booked = entry["booked_on"] or (None if entry["booked_text"] else entry["value_on"])
    return date.fromisoformat(booked) if booked else None


def _readable_amount(entry: dict[str, Any]) -> Decimal | None:
    try:
        amount = Decimal(entry["amount"])
    except (InvalidOperation, TypeError):
        return None
    return None if unreadable.is_no_amount(amount, entry["currency"]) else amount


def _period(entry: dict[str, Any]) -> tuple[date, date] | None:
    start, end = entry["statement"]["period_start"], entry["statement"]["period_end"]
    return (date.fromisoformat(start), date.fromisoformat(end)) if start and end else None


def _reads_as(row: BankTransaction, entry: dict[str, Any]) -> bool:
    """Whether the row has the entry's bank id or, if neither has an id, its texts."""
    name = bank_id_of(entry["bank_id"])
    if name or bank_id_of(row.bank_id):
        return name[:255] == row.bank_id
    texts = (entry["reference"][:255], entry["counterparty"][:255], entry["description"])
    return tuple(map(normalize, texts)) == tuple(map(normalize, (row.reference, row.counterparty, row.description)))
