"""The tick's part in backfills: it wakes workers for shards with free slots, and closes what a crash left open."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from ingestion import dispatch
from ingestion.conf import config
from ingestion.models import Run
from ingestion.running import shards


def close_and_continue() -> list[Run]:
    """Close backfills whose shards have all ended; return the next shards of the others, for workers to be woken."""
    parents = Run.unscoped.filter(kind=Run.Kind.BACKFILL, parent__isnull=True, state=Run.State.RUNNING)
    active = Run.unscoped.filter(parent=OuterRef("pk"), state__in=Run.ACTIVE)
    for pk in parents.filter(~Exists(active)).values_list("pk", flat=True)[: config().TICK_LIMIT]:
        shards.close_if_done(pk)
    waiting = Run.unscoped.filter(parent=OuterRef("pk"), state=Run.State.QUEUED)
    next_shards: list[Run] = []
    for parent in parents.filter(dispatch.is_able(), Exists(waiting)).order_by("pk")[: config().TICK_LIMIT]:
        next_shards += shards.next_shards(parent)
    return next_shards
