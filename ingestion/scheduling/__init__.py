"""The tick: due connections become runs, expired leases are taken over, wake-ups are sent again, periods are checked.

Idempotent and safe in any number of processes at once. rq-scheduler's one entry or `manage.py ingest tick --loop` call
it.

due          due instants become runs, by the pipeline's catch-up policy
forgotten    deliveries that no run is to take in
wake_ups     which runs workers are told of again
backfills    slots for shards, and the end of a backfill
lateness     what should have run and did not      waiting  why something waits, in a sentence
connections  a connection's schedule       windows  where its next run reads
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion import queueing, reconciling
from ingestion.database.clock import DbNow
from ingestion.models import Heartbeat
from ingestion.scheduling import backfills, due, unclaimed_deliveries, wake_ups
from ingestion.scheduling.connections import first_due, next_due, place_of, schedule_of, upcoming, why_on_request
from ingestion.scheduling.due import go_on
from ingestion.scheduling.lateness import SHOWN, Overdue, late_among, overdue, why_late
from ingestion.scheduling.waiting import last_tick, late_after, tick_problem, why_pending, why_waits
from ingestion.scheduling.windows import window_for
from ingestion.vault import expiry

__all__ = [
    "SHOWN",
    "Overdue",
    "Ticked",
    "first_due",
    "go_on",
    "last_tick",
    "late_after",
    "late_among",
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
class Ticked:
    """What one tick did."""

    made: int
    """Due connections that became runs, and connections with deliveries that had none."""
    woken: int
    """Runs whose wake-up was sent (again), among them those taken over from dead workers."""
    unsent: int = 0
    """Runs of which no worker could be told, because Redis is away."""

    @property
    def total(self) -> int:
        return self.made + self.woken


def tick() -> Ticked:
    """Do whatever is due now."""
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": DbNow()})
    expiry.warn()
    made = [*due.make_runs(), *unclaimed_deliveries.make_runs()]
    woken, unsent = 0, list[int]()
    for run in [*wake_ups.claimable_runs(made), *backfills.look_after()]:
        queueing.wake(run.pk, run.tenant.tier, run.fence, unsent=unsent)
        woken += 1
    for connection in reconciling.take_turns():
        queueing.wake_for_periods(connection.pk, connection.tenant.tier)
    queueing.ensure_tick()
    return Ticked(len(made), woken - len(unsent), len(unsent))
