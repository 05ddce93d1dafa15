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
    """Declare it. Safe to repeat.

    Raises ConfigurationError where the name is another one's, and for days that are none or more than 36500.
    """
    if not 0 < value.days <= MOST_DAYS:
        raise ConfigurationError(f"{value.name!r} is retained {value.days} days; give a number up to {MOST_DAYS}.")
    if _retained.setdefault(value.name, value) != value:
        raise ConfigurationError(f"What is retained as {value.name!r} is declared twice.")


def retained() -> list[Retention]:
    """All that is declared, by name."""
    return [_retained[name] for name in sorted(_retained)]


def prune(tenant: Tenant, one: Retention, *, chunk: int = 500) -> int:
    """Delete what has been kept long enough, in batches of `chunk` rows with a transaction each; how many rows."""
    before = read_db_now() - timedelta(days=config().KEEP_DAYS.get(one.name, one.days))
    old = one.model.objects.for_tenant(tenant).filter(one.of, **{f"{one.moment}__lt": before})
    gone = 0
    while ids := list(old.order_by("pk").values_list("pk", flat=True)[:chunk]):
        one.model.objects.for_tenant(tenant).filter(pk__in=ids).delete()
        gone += len(ids)
    return gone


# A duplicate of a delivery that comes later is taken in again. What a run spent is asked for only while it may go on.
retain(Retention("deliveries", Delivery, "done_at", 30, ~Q(state=Delivery.State.PENDING)))
retain(Retention("spendings", Spending, "run__finished_at", 90, Q(run__state__in=Run.TERMINAL)))
