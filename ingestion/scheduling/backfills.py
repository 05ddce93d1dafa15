"""The tick tells workers of shards as slots are free, and closes backfills that a crash left open."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from ingestion import dispatch
from ingestion.conf import config
from ingestion.models import Run
from ingestion.running import shards


def look_after() -> list[Run]:
    """Close backfills all of whose shards have ended; the shards of the others that workers should be told of."""
    parents = Run.unscoped.filter(kind=Run.Kind.BACKFILL, parent__isnull=True, state=Run.State.RUNNING)
    active = Run.unscoped.filter(parent=OuterRef("pk"), state__in=Run.ACTIVE)
    for pk in parents.filter(~Exists(active)).values_list("pk", flat=True)[: config().TICK_LIMIT]:
        shards.settle(pk)
    waiting = Run.unscoped.filter(parent=OuterRef("pk"), state=Run.State.QUEUED)
    found: list[Run] = []
    for parent in parents.filter(dispatch.is_able(), Exists(waiting)).order_by("pk")[: config().TICK_LIMIT]:
        found += shards.next_in_line(parent)
    return found
