"""Executing runs that actions queued, in the process of a test."""

from __future__ import annotations

from ingestion import running
from ingestion.core.errors import ActionRefused
from ingestion.models import Run
from ingestion.running import shards
from ingestion.scheduling.waiting import why_unclaimed


def execute(run: Run) -> Run:
    """Execute the queued `run` here, as a worker would, and return it as it stands afterwards.

    `run` is what `actions.replay`, `backfill`, `upload`, `retry` and `run_now` give with `wake=False`; of a backfill
    its shards are executed, one after the other. After a transient error it is queued for its next attempt; that one is
    made at once when it is executed again. Raises ActionRefused, with the reason, when it could not be begun.
    """
    for part in [*run.shards.order_by("pk")] if run.is_backfill else [run]:
        Run.unscoped.filter(pk=part.pk, state=Run.State.QUEUED).update(not_before=None)
        if running.execute(part.pk) is None and not run.is_backfill:
            run.refresh_from_db()
            ended = f"it is {run.get_state_display().lower()}"
            raise ActionRefused(f"Run {run.pk} was not executed: {why_unclaimed(run) or ended}.")
    if run.is_backfill:
        shards.settle(run.pk)
    run.refresh_from_db()
    return run
