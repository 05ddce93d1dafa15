"""Which runs workers are told of (again): those left by dead workers, and those whose turn it is."""

from __future__ import annotations

from collections.abc import Collection

from ingestion import dispatch
from ingestion.conf import config
from ingestion.database.clock import DbNow
from ingestion.models import Run


def claimable_runs(made: Collection[int]) -> list[Run]:
    """Runs left by dead workers, and of every tenant with room the queued runs whose turn it is, first of those that
    had one `made` just now: the others' wake-ups were sent before and are only sent again.

    Shards of backfills wait for slots of their own; see `backfills`.
    """
    left = Run.unscoped.filter(state=Run.State.RUNNING, lease_until__lt=DbNow()).select_related("tenant").order_by("pk")
    return [*left, *dispatch.waiting(5 * config().TICK_LIMIT, made)]
