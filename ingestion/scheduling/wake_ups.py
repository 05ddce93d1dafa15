"""Which runs workers are woken for (again): runs of dead workers, and the next queued runs of every tenant."""

from __future__ import annotations

from collections.abc import Collection

from ingestion import dispatch
from ingestion.conf import config
from ingestion.database.clock import DbNow
from ingestion.models import Run


def claimable_runs(tenants_with_runs: Collection[int]) -> list[Run]:
    """Runs of dead workers, and the next queued runs of every tenant with a free slot.

    Tenants of `tenants_with_runs`, whose runs were just made, are always among them: wake-ups for others were sent
    before, and are only repeated. Shards of backfills wait for slots of their own; see `backfills`.
    """
    abandoned = (
        Run.unscoped.filter(state=Run.State.RUNNING, lease_until__lt=DbNow()).select_related("tenant").order_by("pk")
    )
    return [*abandoned, *dispatch.startable(5 * config().TICK_LIMIT, tenants_with_runs)]
