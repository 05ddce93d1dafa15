"""Why a run, a delivery or a connection waits, in a sentence that names what to do about it.

Needs no tick, so it also reports that no tick runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Count, Q

from ingestion import dispatch, limits, queueing
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.errors import IngestionError, UnknownPipeline
from ingestion.core.ingestion_modes import takes_deliveries
from ingestion.core.text import counted
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Delivery, Heartbeat, Run
from ingestion.scheduling.connections import schedule_of

LARGE = ("checkpoint", "tally", "proofs", "params", "traceback")
"""Columns of a run that no reason needs."""


def late_after() -> timedelta:
    """How late something may be before it is overdue: four ticks."""
    return timedelta(seconds=4 * config().TICK_SECONDS)


def why_waits(run: Run, now: datetime | None = None) -> str:
    """Why `run` is not at work, in a sentence; '' while a worker has it, and once it ended."""
    if run.is_backfill:
        return _why_all_wait(run, now)
    facts = Facts(now, late_after())
    if not run.is_active or _is_executed(run, facts):
        return ""
    if run.not_before and run.not_before > facts.now:
        return f"it is tried again at {_at(run.not_before)} after {run.error_class or 'a failed run'}"
    at_work = Run.unscoped.filter(active_key=run.connection_id).defer(*LARGE)
    return reason(run.connection, run, None if run.parent_id else at_work.first(), facts)


def why_unclaimed(run: Run) -> str:
    """Why this process could not claim the queued `run` a moment ago, in a sentence that leaves out workers."""
    facts = Facts(None, late_after())
    connection_is_busy = Run.unscoped.filter(active_key=run.connection_id).exists()
    if facts.is_full(run) and not connection_is_busy and not run.connection.is_paused:
        return _budget_is_full(run, facts)
    return why_waits(run)


def _why_all_wait(backfill: Run, now: datetime | None) -> str:
    """Why no shard of a backfill is at work: the reason of its first queued shard; '' while one is at work."""
    shards = Run.unscoped.filter(parent=backfill)
    first = shards.filter(state=Run.State.QUEUED).select_related("tenant", "connection__tenant").order_by("pk").first()
    return "" if first is None or shards.filter(state=Run.State.RUNNING).exists() else why_waits(first, now)


def why_pending(
    deliveries: Sequence[Delivery], now: datetime | None = None, grace: timedelta | None = None
) -> dict[int, str]:
    """Why the pending ones of `deliveries` are not ingested yet, a sentence for each id."""
    waiting = [delivery for delivery in deliveries if delivery.state == Delivery.State.PENDING]
    if not waiting:
        return {}
    connections = {delivery.connection_id: delivery.connection for delivery in waiting}
    active = Run.unscoped.filter(Q(webhook_key__in=connections) | Q(active_key__in=connections))
    runs = list(active.select_related("tenant").defer(*LARGE))
    webhook_runs = {run.webhook_key: run for run in runs}
    running_runs = {run.active_key: run for run in runs}
    facts = Facts(now, grace or late_after())
    reasons = {
        pk: _why_pending(connection, webhook_runs.get(pk), running_runs.get(pk), facts)
        for pk, connection in connections.items()
    }
    return {delivery.pk: reasons[delivery.connection_id] for delivery in waiting}


def _why_pending(connection: Connection, run: Run | None, running_run: Run | None, facts: Facts) -> str:
    if connection.is_paused:
        return reason(connection, run, running_run, facts)
    try:
        pipeline = registry.get(connection.pipeline)
    except UnknownPipeline as error:
        return f"{type(error).__name__}: {error}"
    if not takes_deliveries(pipeline):
        return (
            f"the source of {pipeline.name} takes no deliveries; give it receive(ctx, deliveries), or abandon this one"
        )
    if run is None:
        return facts.tick or "it has no run yet; the next tick makes one"
    if _is_executed(run, facts):
        return f"run {run.pk} is taking deliveries in since {_at(run.started_at)} on {run.host}"
    if run.not_before and run.not_before > facts.now and not run.error_class:
        return (
            f"the run before it failed; run {run.pk} tries again at {_at(run.not_before)}, a retry of that one at once"
        )
    return reason(connection, run, running_run, facts)


def last_tick() -> datetime | None:
    return Heartbeat.objects.filter(name=Heartbeat.TICK).values_list("at", flat=True).first()


def tick_problem(ticked: datetime | None, now: datetime, grace: timedelta) -> str:
    """Why no new run would start; '' while ticks come in time."""
    remedy = "run `manage.py ingest scheduler` or `manage.py ingest tick --loop`"
    if ticked is None:
        return f"no tick has ever run: {remedy}"
    if now - ticked > grace:
        return f"no tick has run since {_at(ticked)} ({_ago(now - ticked)}): {remedy}"
    return ""


class Facts:
    """Facts that several reasons need; each is read at most once, and only when a reason needs it."""

    def __init__(self, now: datetime | None, grace: timedelta) -> None:
        self._now = now
        self._grace = grace
        self._queues: dict[str, queueing.QueueStatus | None] = {}

    @cached_property
    def now(self) -> datetime:
        return self._now or read_db_now()

    @cached_property
    def tick(self) -> str:
        return tick_problem(last_tick(), self.now, self._grace)

    @cached_property
    def running(self) -> dict[int, int]:
        """How many running runs count against each tenant's budget."""
        return dict(dispatch.running_within_budget().order_by().values_list("tenant_id").annotate(Count("pk")))

    def others_of(self, run: Run) -> int:
        """How many running runs beside `run` count against its tenant's budget."""
        return self.running.get(run.tenant_id, 0) - (run.slot_key is not None)

    def is_full(self, run: Run) -> bool:
        """Whether the budget of the run's tenant is used up by other runs."""
        return self.others_of(run) >= limits.budget_of(run.tenant.tier)

    def queue(self, name: str) -> queueing.QueueStatus | None:
        if name not in self._queues:
            self._queues[name] = queueing.queue_status(name)
        return self._queues[name]


def _is_executed(run: Run, facts: Facts) -> bool:
    """Whether a live worker executes the run."""
    return run.state == Run.State.RUNNING and run.lease_until is not None and run.lease_until >= facts.now


def reason(connection: Connection, run: Run | None, running_run: Run | None, facts: Facts) -> str:
    """Why `run`, or the connection's next run, is not executed; `running_run` is the connection's run that is."""
    if connection.is_paused:
        return f"paused since {_at(connection.paused_at)}: {connection.paused_reason or 'no reason given'}"
    if run is None:
        return _reason_without_run(connection, facts)
    if run.state == Run.State.RUNNING:
        if _is_executed(run, facts):
            return f"the earlier run {run.pk} is still running since {_at(run.started_at)} on {run.host}"
        return f"the worker of run {run.pk} on {run.host} is gone, and no other has taken it: " + _queue(run, facts)
    if running_run is not None and running_run.pk != run.pk:
        kind = running_run.get_kind_display().lower()
        since = _at(running_run.started_at)
        return f"run {run.pk} waits for run {running_run.pk} ({kind}), which is running since {since}"
    if run.not_before and run.not_before > facts.now:
        # Not the error's message: monitoring stores what `health` prints, and a source's own words may hold anything.
        sentence = f"run {run.pk} is tried again at {_at(run.not_before)} after {run.error_class or 'a failure'}"
        return f"{sentence}: `manage.py ingest show run {run.pk}`"
    return f"run {run.pk} is queued since {_at(run.created_at)}: " + _queue(run, facts)


def _reason_without_run(connection: Connection, facts: Facts) -> str:
    try:
        registry.get(connection.pipeline)
        schedule_of(connection)
    except IngestionError as error:
        return f"{type(error).__name__}: {error}"
    behind = f'ticks are behind: more than {config().TICK_LIMIT} connections are due (INGESTION["TICK_LIMIT"])'
    return facts.tick or behind


def _queue(run: Run, facts: Facts) -> str:
    """Why no worker claims a run that could be claimed."""
    name = queueing.queue_of(run.tenant.tier)
    status = facts.queue(name)
    if status is None:
        return "Redis cannot be reached, so no worker hears of it"
    wait = counted(status.wake_ups, "run waits", "runs wait")
    if status.workers == 0:
        return f"no worker serves queue {name} ({wait}): `manage.py ingest worker --queue {name}`"
    if facts.tick and status.wake_ups == 0:
        return facts.tick
    if status.wake_ups:
        return f"{wait} in queue {name} for its workers ({status.workers}): start more of them"
    if facts.is_full(run):
        return _budget_is_full(run, facts)
    return f"the workers of queue {name} ({status.workers}) have not taken it yet"


def _budget_is_full(run: Run, facts: Facts) -> str:
    return f"the tenant's budget is full: {facts.others_of(run)} of its runs are running"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "an unknown time"


def _ago(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes} min" if minutes else f"{int(span.total_seconds())} s"
