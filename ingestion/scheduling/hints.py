"""Which runs workers are told of (again): those left by dead workers, and the next one of each free connection."""

from __future__ import annotations

from django.db.models import Exists, Min, OuterRef, Q

from ingestion.clock import DbNow
from ingestion.conf import config
from ingestion.models import Run
from ingestion.running.ownership import claimable


def claimable_runs() -> list[Run]:
    """Runs left by dead workers, and the oldest queued run of each connection that is free.

    One for each connection, however many it has queued: a tenant with a thousand uploads keeps nobody else waiting.
    Shards of backfills wait for lanes of their own; see `backfills`.
    """
    busy = Run.unscoped.filter(active_key=OuterRef("connection_id"))
    able = Q(connection__paused_at__isnull=True) | Q(cancel_requested=True)
    queued = Run.unscoped.filter(claimable(), able, ~Exists(busy), state=Run.State.QUEUED, parent__isnull=True)
    first = queued.order_by().values("connection_id").annotate(first=Min("pk")).order_by("first")
    turns = [row["first"] for row in first[: 5 * config().TICK_LIMIT]]
    left = Q(state=Run.State.RUNNING, lease_until__lt=DbNow())
    return list(Run.unscoped.filter(left | Q(pk__in=turns)).select_related("tenant").order_by("pk"))
