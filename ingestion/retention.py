"""Rows that are forgotten after a time: declared by name, deleted by `ingest sweep`.

A kind declares its own when its app starts:

    retain(Retention("shop_events", ShopEvent, moment="created_at", days=90))

and INGESTION["KEEP_DAYS"] = {"shop_events": 30} keeps them for another time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Q

from ingestion.conf import MOST_DAYS, config
from ingestion.core.errors import ConfigurationError
from ingestion.database.clock import read_db_now
from ingestion.models import Delivery, Run, Spending, Tenant, TenantOwned


@dataclass(frozen=True, slots=True)
class Retention:
    """Rows of `model` that `of` finds are deleted `days` days after their `moment`, a lookup of a time."""

    name: str
    model: type[TenantOwned]
    moment: str
    days: float
    of: Q = field(default_factory=Q)


_retained: dict[str, Retention] = {}


def retain(value: Retention) -> None:
    """Declare a retention. Safe to repeat.

    Raises ConfigurationError where the name has another declaration, and for days that are none or more than 36500.
    """
    if not 0 < value.days <= MOST_DAYS:
        raise ConfigurationError(f"{value.name!r} is retained {value.days} days; give a number up to {MOST_DAYS}.")
    if _retained.setdefault(value.name, value) != value:
        raise ConfigurationError(f"What is retained as {value.name!r} is declared twice.")


def retained() -> list[Retention]:
    """All declared retentions, by name."""
    return [_retained[name] for name in sorted(_retained)]


def prune(tenant: Tenant, retention: Retention, *, chunk: int = 500) -> int:
    """Delete rows kept long enough, in batches of `chunk` rows with a transaction each; the number of deleted rows."""
    before = read_db_now() - timedelta(days=config().KEEP_DAYS.get(retention.name, retention.days))
    old = retention.model.objects.for_tenant(tenant).filter(retention.of, **{f"{retention.moment}__lt": before})
    deleted = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:chunk]):
        retention.model.objects.for_tenant(tenant).filter(pk__in=ids).delete()
        deleted += len(ids)
    return deleted


# A duplicate of a delivery that comes later is taken in again. What a run spent is asked for only while it may go on.
retain(Retention("deliveries", Delivery, "done_at", 30, ~Q(state=Delivery.State.PENDING)))
retain(Retention("spendings", Spending, "run__finished_at", 90, Q(run__state__in=Run.TERMINAL)))
