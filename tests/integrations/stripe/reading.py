"""Reading an account's objects with a source and no run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ingestion import (
    Context,
    Page,
    TenantRef,
    Window,
)
from integrations.stripe import Stripe
from tests.integrations.stripe.account import Account


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def context(account: Account, since: int = 0, until: int | None = None, **values: Any) -> Context:
    end = at(account.now if until is None else until)
    window = Window(at(since), end)
    return Context(TenantRef(1, "acme"), "stripe.test", 1, at(account.now), window, **values)


def source(account: Account, kind: str, **values: Any) -> Stripe:
    return Stripe(kind, open=account.open, clock=lambda: float(account.now), **values)


def ids(pages: list[Page]) -> list[str]:
    return [record.key for page in pages for record in page.records]


def full(kind: str, count: int, every: int = 60) -> Account:
    account = Account()
    for _ in range(count):
        account.create(kind)
        account.now += every
    return account
