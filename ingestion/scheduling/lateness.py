"""Which connections should have run by now and did not, and why, in words.

Needs no tick, so it also reports that no tick runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet, Subquery

from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Run
from ingestion.scheduling.waiting import LARGE, Facts, late_after, reason

SHOWN = 200
_ALL = Q()


@dataclass(frozen=True, slots=True)
class Overdue:
    """A connection that should have run by now."""

    connection: Connection
    since: datetime
    """The due time that had no run; for a requested run, the time of the request."""
    reason: str
    """Why, and what to do about it, in a sentence."""


def overdue(now: datetime | None = None, grace: timedelta | None = None, limit: int = SHOWN) -> list[Overdue]:
    """Connections that should have run and did not, the longest waiting first. Paused connections are not late."""
    now, grace = now or read_db_now(), grace or late_after()
    late = Connection.unscoped.filter(paused_at__isnull=True, next_due__lt=now - grace)
    waiting = _stuck_runs(now - grace).filter(connection__paused_at__isnull=True).order_by("pk")
    stuck = list(waiting.values_list("connection_id", flat=True)[:limit])
    rows = list(late.select_related("tenant").order_by("next_due")[:limit])
    rows += Connection.unscoped.filter(pk__in=set(stuck) - {row.pk for row in rows}).select_related("tenant")
    late_connections = why_late(rows, now, grace)
    return sorted(late_connections.values(), key=lambda item: item.since)[:limit]


def late_among(connections: QuerySet[Connection]) -> QuerySet[Connection]:
    """Those of `connections` that should have run by now, and those whose run waits for its tenant's budget."""
    before = read_db_now() - late_after()
    late = Q(next_due__lt=before) | Q(pk__in=_stuck_runs(before, Q(connection__in=connections)).values("connection_id"))
    return connections.filter(late, paused_at__isnull=True)


def why_late(
    connections: Sequence[Connection], now: datetime | None = None, grace: timedelta | None = None
) -> dict[int, Overdue]:
    """Those of `connections` that should have run by now, by id, in a few queries for any number."""
    now, grace = now or read_db_now(), grace or late_after()
    before = now - grace
    ids = [connection.pk for connection in connections]
    active = Run.unscoped.filter(connection_id__in=ids, state__in=Run.ACTIVE, parent__isnull=True)
    requested = _stuck_runs(before, Q(connection_id__in=ids)).exclude(kind=Run.Kind.SCHEDULED)
    concerned = Q(kind=Run.Kind.SCHEDULED) | Q(active_key=F("connection_id")) | Q(pk__in=requested.values("pk"))
    runs = list(active.filter(concerned).select_related("tenant").defer(*LARGE).order_by("-pk"))
    scheduled = {run.connection_id: run for run in runs if run.kind == Run.Kind.SCHEDULED}
    # Apart from scheduled runs the query returned only stuck ones and the one that is running.
    stuck_runs = {run.connection_id: run for run in runs if run.kind != Run.Kind.SCHEDULED and _is_stuck(run, before)}
    running_runs = {run.connection_id: run for run in runs if run.active_key == run.connection_id}
    facts = Facts(now, grace)
    late_connections: dict[int, Overdue] = {}
    for connection in connections:
        due, run = connection.next_due, scheduled.get(connection.pk)
        stuck_run = stuck_runs.get(connection.pk)
        if run is not None and _is_stuck(run, before):
            due = _due_of(run)
        elif due is not None and due < before:
            pass
        elif stuck_run is not None and not facts.is_full(stuck_run):
            due, run = stuck_run.created_at, stuck_run
        else:
            continue
        late_connections[connection.pk] = Overdue(
            connection, due, reason(connection, run, running_runs.get(connection.pk), facts)
        )
    return late_connections


def _stuck_runs(before: datetime, of: Q = _ALL) -> QuerySet[Run]:
    """Runs that a worker could have claimed since `before` and none did; `of` selects among them.

    Requested runs (uploads, manual runs, replays, deliveries) of one connection may be many, and wait for each other:
    only the first counts, and only while no run of the connection is running or has ended since.
    """
    queued = Q(state=Run.State.QUEUED, created_at__lt=before) & (Q(not_before=None) | Q(not_before__lt=before))
    abandoned = Q(state=Run.State.RUNNING, lease_until__lt=before)
    runs = Run.unscoped.filter(of, parent__isnull=True)
    # One pass over queued runs: a subquery for each run would take quadratic time on a large queue.
    requested = runs.filter(queued).exclude(kind=Run.Kind.SCHEDULED).order_by().values("connection_id")
    is_first = Q(pk__in=requested.annotate(first=Min("pk")).values("first"))
    of_it = Run.unscoped.filter(connection_id=OuterRef("connection_id"))
    is_free = ~Exists(of_it.filter(active_key=OuterRef("connection_id")))
    free_since = Subquery(of_it.filter(pk__lt=OuterRef("pk")).order_by("-pk").values("finished_at")[:1])
    is_next = is_first & is_free & (Q(free_since=None) | Q(free_since__lt=before))
    return runs.annotate(free_since=free_since).filter(abandoned | (queued & (Q(kind=Run.Kind.SCHEDULED) | is_next)))


def _is_stuck(run: Run, before: datetime) -> bool:
    """As `_stuck_runs`, for one run that was read already, at any position in its connection's queue."""
    if run.state == Run.State.RUNNING:
        return run.lease_until is not None and run.lease_until < before
    return run.created_at < before and (run.not_before is None or run.not_before < before)


def _due_of(run: Run) -> datetime:
    try:
        return datetime.fromisoformat((run.due_key or "").partition(":")[2])
    except ValueError:
        return run.created_at
