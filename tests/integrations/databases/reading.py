"""Orders in another database, and what a source reads of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ingestion import (
    Context,
    Page,
    TenantRef,
    Window,
)
from integrations.databases import Rows
from tests.integrations.databases.conftest import Legacy

DAY = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def mine(ctx: Context) -> Mapping[str, Any]:
    return {"company": ctx.tenant.key}


def context(window: Window | None = YEAR, tenant: str = "acme", **values: Any) -> Context:
    return Context(TenantRef(1, tenant), "app.oracle", 1, DAY, window=window, **{"reserved": True, **values})


def at(legacy: Legacy, moment: datetime) -> Any:
    """As other writers of the database store it."""
    return moment if legacy.vendor == "postgresql" else moment.replace(tzinfo=None)


def orders(legacy: Legacy, *numbers: int, company: str = "acme", when: Any = None) -> None:
    if "orders" not in str(legacy.tables):
        legacy.make("orders", "id INTEGER PRIMARY KEY, company {text}, amount NUMERIC(12, 2), updated_at {time}")
    default = lambda number: DAY + timedelta(minutes=number)  # noqa: E731
    given = [(n, company, Decimal(n), None if when == "null" else at(legacy, (when or default)(n))) for n in numbers]
    legacy.insert("orders", *given)


def source(**changes: Any) -> Rows:
    return Rows(**{"using": "legacy", "of": mine, "table": "orders", "watermark": "updated_at", **changes})


def pages(reading: Rows, ctx: Context | None = None, checkpoint: Any = None) -> list[Page]:
    return list(reading.extract(ctx or context(), checkpoint))


def keys(found: Sequence[Page]) -> list[str]:
    return [one.key for page in found for one in page.records]


def values(found: Sequence[Page]) -> list[dict[str, Any]]:
    return [json.loads(one.body) for page in found for one in page.records]
