"""Ten days of records, and backfills over them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion import Pipeline, actions
from ingestion.models import Connection, Run, Tenant
from ingestion.testing import Records
from tests.ingestion.runs import OPERATOR, carry, item, new_tenant, over

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def on_day(number: int, **values: Any) -> dict[str, Any]:
    """A record of the `number`th day of January, at noon."""
    return item(number, at=(START + (number - 0.5) * DAY).isoformat(), **values)


def windowed(records: list[dict[str, Any]], **changes: Any) -> Pipeline:
    return over(records, **{"source": Records(records, page_size=2, time="at"), **changes})


TEN_DAYS = [on_day(number) for number in range(1, 11)]


def connected(pipeline: Pipeline, tenant: Tenant | None = None) -> Connection:
    return actions.connect(OPERATOR, tenant or new_tenant(tier="enterprise"), pipeline.name)


def backfill(connection: Connection, days: int = 10, **options: Any) -> Run:
    given = {"reason": "they sent it late", "wake": False, **options}
    return actions.backfill(OPERATOR, connection, START, START + days * DAY, **given)


def shards_of(parent: Run) -> list[Run]:
    return list(Run.unscoped.filter(parent=parent).order_by("pk"))


def carry_all(parent: Run) -> Run:
    for shard in shards_of(parent):
        carry(shard)
    parent.refresh_from_db()
    return parent
