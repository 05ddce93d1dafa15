"""Releases runs whose process died, for callers without workers.

With Redis a tick wakes a worker that takes a stalled run over. Without Redis no worker is woken: the run would keep its
connection and its tenant's slot for good.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from ingestion import events
from ingestion.database.retrying import retry_conflicts
from ingestion.models import Run
from ingestion.running import claims, closing, predecessors


def is_stalled(run: Run) -> bool:
    """Whether the run's lease has ended, or its process ran on this host and is gone."""
    if run.state != Run.State.RUNNING or run.lease_until is None:
        return False
    return run.lease_until < timezone.now() or predecessors.is_dead(run, claims.hostname())


def is_at_work(run: Run) -> bool:
    """Whether a process has the run, as far as anybody can tell."""
    return run.state == Run.State.RUNNING and not is_stalled(run)


def release(runs: QuerySet[Run]) -> list[Run]:
    """Requeue the stalled runs among `runs`, and end those that are to be cancelled; return what was released.

    A process that only looked dead is fenced: what it writes afterwards is rolled back.
    """
    running = runs.filter(state=Run.State.RUNNING, lease_until__isnull=False).select_related("connection")
    return [run for run in running.order_by("pk") if _release(run)]


def _release(run: Run) -> bool:
    if run.worker_pid is not None and predecessors.is_dead(run, claims.hostname()):
        claims.expire(run.pk, run.worker_pid)
    claim = claims.claim(run.pk)
    if claim is None:  # its lease has not ended, or a worker has just taken it over
        return False
    if claim.row.filter(cancel_requested=True).exists():
        closing.cancel(run, claim)
    else:
        retry_conflicts(lambda: _requeue(run, claim))
    return True


def _requeue(run: Run, claim: claims.Claim) -> None:
    if claims.requeue(claim):
        events.record(run, "released", f"its process {run.worker_pid} on {run.host} is gone")
