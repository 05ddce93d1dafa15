"""The tick: due connections become runs, expired leases are taken over, wake-ups are sent again, periods are checked.

Idempotent and safe in any number of processes at once. rq-scheduler's one entry or `manage.py ingest tick --loop` call
it.

due                   due instants become runs, by the pipeline's catch-up policy
unclaimed_deliveries  runs for deliveries that have none
wake_ups              which runs workers are woken for
backfills             slots for shards, and the end of a backfill
lateness              what should have run and did not      waiting  why something waits, in a sentence
connections           a connection's schedule               windows  the window of its next run
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ingestion import queueing, reconciling
from ingestion.database.clock import DbNow
from ingestion.models import Heartbeat
from ingestion.scheduling import backfills, due, unclaimed_deliveries, wake_ups
from ingestion.scheduling.connections import first_due, next_due, place_of, schedule_of, upcoming, why_on_request
from ingestion.scheduling.due import make_next_missed_run
from ingestion.scheduling.lateness import SHOWN, Overdue, late_among, overdue, why_late
from ingestion.scheduling.waiting import last_tick, late_after, tick_problem, why_pending, why_waits
from ingestion.scheduling.windows import window_for
from ingestion.vault import expiry

logger = logging.getLogger("ingestion")

__all__ = [
    "SHOWN",
    "Overdue",
    "TickResult",
    "first_due",
    "last_tick",
    "late_after",
    "late_among",
    "make_next_missed_run",
    "next_due",
    "overdue",
    "place_of",
    "schedule_of",
    "tick",
    "tick_problem",
    "upcoming",
    "why_late",
    "why_on_request",
    "why_pending",
    "why_waits",
    "window_for",
]


@dataclass(frozen=True, slots=True)
class TickResult:
    """What one tick did."""

    runs_made: int
    """Due connections that became runs, and connections with deliveries that had none."""
    woken: int
    """Runs whose wake-up was sent (again), among them those taken over from dead workers."""
    unsent: int = 0
    """Runs of which no worker could be told, because Redis is away."""

    @property
    def total(self) -> int:
        return self.runs_made + self.woken


def tick() -> TickResult:
    """Do everything that is due now."""
    _log_gap()
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": DbNow()})
    expiry.warn()
    tenants_with_runs = [*due.make_runs(), *unclaimed_deliveries.make_runs()]
    woken, unsent = 0, list[int]()
    for run in [*wake_ups.claimable_runs(tenants_with_runs), *backfills.close_and_continue()]:
        queueing.wake(run.pk, run.tenant.tier, run.fence, unsent=unsent)
        woken += 1
    for connection in reconciling.take_due_connections():
        queueing.wake_for_periods(connection.pk, connection.tenant.tier)
    queueing.ensure_tick()
    return TickResult(len(tenants_with_runs), woken - len(unsent), len(unsent))


def _log_gap() -> None:
    """Log once, when ticks go on, for how long there was none."""
    beat = Heartbeat.objects.filter(name=Heartbeat.TICK).annotate(now=DbNow()).values_list("at", "now").first()
    if beat is not None and beat[1] - beat[0] > late_after():
        text = "No tick for %.0f s, since %s: nothing was made due and nothing taken over meanwhile."
        since = f"{beat[0]:%Y-%m-%d %H:%M:%S} UTC"
        logger.warning(text, (beat[1] - beat[0]).total_seconds(), since, extra={"event": "tick"})
