"""What should have run and did not, or waits to be taken in, and why, in words.

Needs no tick: it finds out when none runs any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import F, Q, QuerySet

from ingestion import limits, queueing, turns
from ingestion.clock import read_db_now
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.errors import IngestionError, UnknownPipeline
from ingestion.core.intake import takes_deliveries
from ingestion.core.text import counted
from ingestion.models import Connection, Delivery, Heartbeat, Run
from ingestion.scheduling.connections import schedule_of

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Overdue:
    """A connection that should have run by now."""

    connection: Connection
    since: datetime
    """The due time that nothing came of."""
    reason: str
    """Why, and what to do about it, in a sentence."""


def late_after() -> timedelta:
    """How late something may be before it is overdue: four ticks."""
    return timedelta(seconds=4 * config().TICK_SECONDS)


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


def why_late(
    connections: Sequence[Connection], now: datetime | None = None, grace: timedelta | None = None
) -> dict[int, Overdue]:
    """Those of `connections` that should have run by now, by their id. Few queries, however many they are."""
    now, grace = now or read_db_now(), grace or late_after()
    ids = [connection.pk for connection in connections]
    active = Run.unscoped.filter(connection_id__in=ids, state__in=Run.ACTIVE, parent__isnull=True)
    mine = active.filter(Q(kind=Run.Kind.SCHEDULED) | Q(active_key=F("connection_id"))).select_related("tenant")
    found_runs = list(mine.defer("checkpoint", "tally", "proofs", "params", "traceback").order_by("-pk"))
    runs = {run.connection_id: run for run in found_runs if run.kind == Run.Kind.SCHEDULED}
    holders = {run.connection_id: run for run in found_runs if run.active_key == run.connection_id}
    facts = _Facts(now, grace)
    found: dict[int, Overdue] = {}
    for connection in connections:
        due, run = connection.next_due, runs.get(connection.pk)
        if run is not None and _is_stuck(run, now - grace):
            due = _due_of(run)
        elif due is None or due >= now - grace:
            continue
        found[connection.pk] = Overdue(connection, due, _reason(connection, run, holders.get(connection.pk), facts))
    return found


def why_pending(
    deliveries: Sequence[Delivery], now: datetime | None = None, grace: timedelta | None = None
) -> dict[int, str]:
    """Why those of `deliveries` that wait are not taken in yet, in a sentence, by their id."""
    waiting = [one for one in deliveries if one.state == Delivery.State.PENDING]
    if not waiting:
        return {}
    connections = {one.connection_id: one.connection for one in waiting}
    found = Run.unscoped.filter(Q(webhook_key__in=connections) | Q(active_key__in=connections)).select_related("tenant")
    runs = list(found.defer("checkpoint", "tally", "proofs", "params", "traceback"))
    takers = {run.webhook_key: run for run in runs}
    holders = {run.active_key: run for run in runs}
    facts = _Facts(now, grace or late_after())
    reasons = {
        pk: _why_not_taken(connection, takers.get(pk), holders.get(pk), facts) for pk, connection in connections.items()
    }
    return {one.pk: reasons[one.connection_id] for one in waiting}


def _why_not_taken(connection: Connection, run: Run | None, holder: Run | None, facts: _Facts) -> str:
    if connection.is_paused:
        return _reason(connection, run, holder, facts)
    try:
        pipeline = registry.get(connection.pipeline)
    except UnknownPipeline as error:
        return f"{type(error).__name__}: {error}"
    if not takes_deliveries(pipeline):
        return f"the source of {pipeline.name} takes no deliveries; it needs receive(ctx, deliveries)"
    if run is None:
        return facts.tick or "it has no run yet; the next tick makes one"
    if run.state == Run.State.RUNNING and run.lease_until and run.lease_until >= facts.now:
        return f"run {run.pk} is taking deliveries in since {_at(run.started_at)} on {run.host}"
    if run.not_before and run.not_before > facts.now and not run.error_class:
        return (
            f"the run before it failed; run {run.pk} tries again at {_at(run.not_before)}, a retry of that one at once"
        )
    return _reason(connection, run, holder, facts)


def last_tick() -> datetime | None:
    return Heartbeat.objects.filter(name=Heartbeat.TICK).values_list("at", flat=True).first()


def tick_problem(ticked: datetime | None, now: datetime, grace: timedelta) -> str:
    """Why nothing new would start, '' while ticks come in time."""
    hint = "run `manage.py ingest scheduler` or `manage.py ingest tick --loop`"
    if ticked is None:
        return f"no tick has ever run: {hint}"
    if now - ticked > grace:
        return f"no tick has run since {_at(ticked)} ({_ago(now - ticked)}): {hint}"
    return ""


class _Facts:
    """What all reasons share, asked for at most once, and only when one needs it."""

    def __init__(self, now: datetime | None, grace: timedelta) -> None:
        self._now = now
        self._grace = grace
        self._queues: dict[str, queueing.Served | None] = {}

    @cached_property
    def now(self) -> datetime:
        return self._now or read_db_now()

    @cached_property
    def tick(self) -> str:
        return tick_problem(last_tick(), self.now, self._grace)

    def queue(self, name: str) -> queueing.Served | None:
        if name not in self._queues:
            self._queues[name] = queueing.served(name)
        return self._queues[name]


def _stuck(before: datetime) -> QuerySet[Run]:
    """Scheduled runs that a worker could have taken since `before` and none did."""
    queued = Q(state=Run.State.QUEUED, created_at__lt=before) & (Q(not_before=None) | Q(not_before__lt=before))
    left = Q(state=Run.State.RUNNING, lease_until__lt=before)
    return Run.unscoped.filter(queued | left, kind=Run.Kind.SCHEDULED)


def _is_stuck(run: Run, before: datetime) -> bool:
    """As `_stuck`, of a run that is at hand."""
    if run.state == Run.State.RUNNING:
        return run.lease_until is not None and run.lease_until < before
    return run.created_at < before and (run.not_before is None or run.not_before < before)


def _due_of(run: Run) -> datetime:
    try:
        return datetime.fromisoformat((run.due_key or "").partition(":")[2])
    except ValueError:
        return run.created_at


def _reason(connection: Connection, run: Run | None, holder: Run | None, facts: _Facts) -> str:
    if connection.is_paused:
        return f"paused since {_at(connection.paused_at)}: {connection.paused_reason or 'no reason given'}"
    if run is None:
        return _reason_without_run(connection, facts)
    if run.state == Run.State.RUNNING:
        if run.lease_until and run.lease_until >= facts.now:
            return f"the earlier run {run.pk} is still running since {_at(run.started_at)} on {run.host}"
        return f"the worker of run {run.pk} on {run.host} is gone, and no other has taken it: " + _queue(run, facts)
    if holder is not None and holder.pk != run.pk:
        kind = holder.get_kind_display().lower()
        return f"run {run.pk} waits for run {holder.pk} ({kind}), which is running since {_at(holder.started_at)}"
    if run.not_before and run.not_before > facts.now:
        # Not its message: monitoring keeps what `health` says, and a source's own words may hold anything.
        what = f"run {run.pk} is tried again at {_at(run.not_before)} after {run.error_class or 'a failure'}"
        return f"{what}: `manage.py ingest show run {run.pk}`"
    return f"run {run.pk} is queued since {_at(run.created_at)}: " + _queue(run, facts)


def _reason_without_run(connection: Connection, facts: _Facts) -> str:
    try:
        registry.get(connection.pipeline)
        schedule_of(connection)
    except IngestionError as error:
        return f"{type(error).__name__}: {error}"
    behind = f'ticks are behind: more than {config().TICK_LIMIT} connections are due (INGESTION["TICK_LIMIT"])'
    return facts.tick or behind


def _queue(run: Run, facts: _Facts) -> str:
    """Why no worker takes a run that is free to be taken."""
    name = queueing.queue_of(run.tenant.tier)
    served = facts.queue(name)
    if served is None:
        return "Redis cannot be reached, so no worker hears of it"
    wait = counted(served.hints, "run waits", "runs wait")
    if served.workers == 0:
        return f"no worker serves queue {name} ({wait}): `manage.py ingest worker --queue {name}`"
    if facts.tick and served.hints == 0:
        return facts.tick
    if served.hints:
        return f"{wait} in queue {name} for its workers ({served.workers}): start more of them"
    running = turns.at_work().filter(tenant_id=run.tenant_id).exclude(pk=run.pk).count()
    if running >= limits.budget_of(run.tenant.tier):
        return f"the tenant's budget is full: {running} of its runs are running"
    return f"the workers of queue {name} ({served.workers}) have not taken it yet"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time"


def _ago(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes} min" if minutes else f"{int(span.total_seconds())} s"
