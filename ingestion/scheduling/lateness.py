"""What should have run by now and did not, and why, in words.

Needs no tick: it finds out when none runs any more.
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
    """The due time that nothing came of; of a run that was asked for, when it was."""
    reason: str
    """Why, and what to do about it, in a sentence."""


def overdue(now: datetime | None = None, grace: timedelta | None = None, limit: int = SHOWN) -> list[Overdue]:
    """Connections that should have run and did not, the longest waiting first; paused ones are meant to wait."""
    now, grace = now or read_db_now(), grace or late_after()
    late = Connection.unscoped.filter(paused_at__isnull=True, next_due__lt=now - grace)
    waiting = _stuck(now - grace).filter(connection__paused_at__isnull=True).order_by("pk")
    stuck = list(waiting.values_list("connection_id", flat=True)[:limit])
    rows = list(late.select_related("tenant").order_by("next_due")[:limit])
    rows += Connection.unscoped.filter(pk__in=set(stuck) - {row.pk for row in rows}).select_related("tenant")
    found = why_late(rows, now, grace)
    return sorted(found.values(), key=lambda one: one.since)[:limit]


def late_among(connections: QuerySet[Connection]) -> QuerySet[Connection]:
    """Those of `connections` that should have run by now, and those whose run waits for its tenant's budget."""
    before = read_db_now() - late_after()
    late = Q(next_due__lt=before) | Q(pk__in=_stuck(before, Q(connection__in=connections)).values("connection_id"))
    return connections.filter(late, paused_at__isnull=True)


def why_late(
    connections: Sequence[Connection], now: datetime | None = None, grace: timedelta | None = None
) -> dict[int, Overdue]:
    """Those of `connections` that should have run by now, by their id. Few queries, however many they are."""
    now, grace = now or read_db_now(), grace or late_after()
    before = now - grace
    ids = [connection.pk for connection in connections]
    active = Run.unscoped.filter(connection_id__in=ids, state__in=Run.ACTIVE, parent__isnull=True)
    asked_for = _stuck(before, Q(connection_id__in=ids)).exclude(kind=Run.Kind.SCHEDULED)
    concerned = Q(kind=Run.Kind.SCHEDULED) | Q(active_key=F("connection_id")) | Q(pk__in=asked_for.values("pk"))
    runs = list(active.filter(concerned).select_related("tenant").defer(*LARGE).order_by("-pk"))
    scheduled = {run.connection_id: run for run in runs if run.kind == Run.Kind.SCHEDULED}
    # Of the others only those that are stuck were asked for, and the one that is running.
    others = {run.connection_id: run for run in runs if run.kind != Run.Kind.SCHEDULED and _is_stuck(run, before)}
    holders = {run.connection_id: run for run in runs if run.active_key == run.connection_id}
    facts = Facts(now, grace)
    found: dict[int, Overdue] = {}
    for connection in connections:
        due, run = connection.next_due, scheduled.get(connection.pk)
        other = others.get(connection.pk)
        if run is not None and _is_stuck(run, before):
            due = _due_of(run)
        elif due is not None and due < before:
            pass
        elif other is not None and not facts.is_full(other):
            due, run = other.created_at, other
        else:
            continue
        found[connection.pk] = Overdue(connection, due, reason(connection, run, holders.get(connection.pk), facts))
    return found


def _stuck(before: datetime, of: Q = _ALL) -> QuerySet[Run]:
    """Runs that a worker could have taken since `before` and none did; `of` are lookups of theirs.

    Of those that were asked for (uploads, manual runs, replays, deliveries), which may be many of one connection, only
    the first, and only while none of the connection is running or ended since: they are meant to wait for each other.
    """
    queued = Q(state=Run.State.QUEUED, created_at__lt=before) & (Q(not_before=None) | Q(not_before__lt=before))
    left = Q(state=Run.State.RUNNING, lease_until__lt=before)
    runs = Run.unscoped.filter(of, parent__isnull=True)
    # One pass over what is queued: asked of each run, whether another one is before it takes a large queue squared.
    asked_for = runs.filter(queued).exclude(kind=Run.Kind.SCHEDULED).order_by().values("connection_id")
    is_first = Q(pk__in=asked_for.annotate(first=Min("pk")).values("first"))
    of_it = Run.unscoped.filter(connection_id=OuterRef("connection_id"))
    is_free = ~Exists(of_it.filter(active_key=OuterRef("connection_id")))
    turn_came = Subquery(of_it.filter(pk__lt=OuterRef("pk")).order_by("-pk").values("finished_at")[:1])
    has_turn = is_first & is_free & (Q(turn_came=None) | Q(turn_came__lt=before))
    return runs.annotate(turn_came=turn_came).filter(left | (queued & (Q(kind=Run.Kind.SCHEDULED) | has_turn)))


def _is_stuck(run: Run, before: datetime) -> bool:
    """As `_stuck`, of a run that is at hand, wherever in its connection's line it stands."""
    if run.state == Run.State.RUNNING:
        return run.lease_until is not None and run.lease_until < before
    return run.created_at < before and (run.not_before is None or run.not_before < before)


def _due_of(run: Run) -> datetime:
    try:
        return datetime.fromisoformat((run.due_key or "").partition(":")[2])
    except ValueError:
        return run.created_at
