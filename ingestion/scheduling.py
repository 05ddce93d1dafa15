"""The tick: due connections become runs, expired leases are taken over, lost hints are sent again.

Idempotent and safe in any number of processes at once: whether a due instant becomes a run is decided by one
conditional UPDATE, and `due_key` is unique. rq-scheduler's one entry or `manage.py ingest tick --loop` call it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from ingestion import events, queueing
from ingestion.clock import DbNow, read_db_now
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.windows import Window, next_window
from ingestion.loading import faults
from ingestion.models import Connection, Heartbeat, Run
from ingestion.running.ownership import claimable
from ingestion.vault import expiry

logger = logging.getLogger("ingestion")


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did."""

    made: int
    """Due connections that became runs."""
    hinted: int
    """Runs whose hint was sent (again), among them those taken over from dead workers."""

    @property
    def total(self) -> int:
        return self.made + self.hinted


def tick() -> Ticked:
    """Do whatever is due now."""
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": DbNow()})
    made = sum(_try_to_make_run(connection) for connection in _due())
    hinted = 0
    for run in _claimable():
        queueing.hint(run.pk, run.tenant.tier, run.fence)
        hinted += 1
    queueing.ensure_tick()
    expiry.warn()
    return Ticked(made, hinted)


def window_for(connection: Connection, now: datetime) -> tuple[Window, datetime | None]:
    """The next window of `connection`, frozen at `now`, and the watermark it continues from."""
    watermark = latest_watermark(connection)
    return next_window(watermark, now, registry.get(connection.pipeline).lag), watermark


def latest_watermark(connection: Connection) -> datetime | None:
    return connection.watermarks.order_by("-pk").values_list("value", flat=True).first()


def first_due(pipeline_name: str) -> datetime | None:
    """When a new connection of this pipeline is due first: now, or never for pipelines without a schedule."""
    return read_db_now() if registry.get(pipeline_name).schedule is not None else None


def overdue(now: datetime | None = None, grace: timedelta | None = None) -> list[Connection]:
    """Connections that should have run and did not, also when no tick runs any more."""
    now = now or read_db_now()
    grace = grace or timedelta(seconds=4 * config().TICK_SECONDS)
    late = Connection.unscoped.filter(paused_at__isnull=True, next_due__lt=now - grace)
    return list(late.select_related("tenant").order_by("next_due"))


def last_tick() -> datetime | None:
    return Heartbeat.objects.filter(name=Heartbeat.TICK).values_list("at", flat=True).first()


def _due() -> list[Connection]:
    """Due connections without a scheduled run under way; the others stay due, so that missed periods become one run."""
    busy = Run.unscoped.filter(connection=OuterRef("pk"), kind=Run.Kind.SCHEDULED, state__in=Run.ACTIVE)
    due = Connection.unscoped.filter(~Exists(busy), paused_at__isnull=True, next_due__lte=DbNow())
    known = [pipeline.name for pipeline in registry.registered()]
    _report_unknown(due.exclude(pipeline__in=known))
    # Those without code stay due for ever: left in, they would in time fill the limit and leave nobody else a turn.
    return list(due.filter(pipeline__in=known).select_related("tenant").order_by("next_due")[: config().TICK_LIMIT])


def _report_unknown(due: QuerySet[Connection]) -> None:
    for name in due.order_by().values_list("pipeline", flat=True).distinct():
        logger.error(
            "Connections of pipeline %s are due, but no installed app registers it.",
            name,
            extra={"pipeline": name, "event": "unknown_pipeline"},
        )


def _try_to_make_run(connection: Connection) -> bool:
    """One connection's fault (a schedule that raises, an instant set back by hand) must not stop the others' turn."""
    try:
        return _make_run(connection)
    except Exception as error:
        if faults.is_transient(error):
            raise
        logger.exception(
            "Connection %s is due and could not be queued.",
            connection.pk,
            extra={"tenant_id": connection.tenant_id, "pipeline": connection.pipeline, "event": "tick"},
        )
        return False


def _make_run(connection: Connection) -> bool:
    """Turn one due instant into one run, unless another ticker did."""
    pipeline = registry.get(connection.pipeline)
    due = connection.next_due
    if due is None:
        return False
    with transaction.atomic():
        now = read_db_now()
        following = pipeline.schedule.next_due(due, now) if pipeline.schedule else None
        if not Connection.unscoped.filter(pk=connection.pk, next_due=due).update(next_due=following):
            return False
        due_key = f"{connection.pk}:{due.isoformat()}"
        if Run.unscoped.filter(due_key=due_key).exists():
            return False  # somebody set next_due back; this instant had its run, the next one will have its own
        window, watermark = window_for(connection, now)
        run = Run.unscoped.create(
            tenant_id=connection.tenant_id,
            connection=connection,
            pipeline=connection.pipeline,
            kind=Run.Kind.SCHEDULED,
            due_key=due_key,
            window_start=window.start,
            window_end=window.end,
            watermark_before=watermark,
        )
        events.record(run, "queued", f"due at {due.isoformat()}")
        # At once, and not by its turn among the runs that wait: those of another tier may be very many.
        queueing.hint(run.pk, connection.tenant.tier, run.fence)
    return True


def _claimable() -> list[Run]:
    """Runs left by dead workers, and the oldest queued run of each connection that is free.

    One for each connection, however many it has queued: a tenant with a thousand uploads keeps nobody else waiting.
    """
    busy = Run.unscoped.filter(active_key=OuterRef("connection_id"))
    able = Q(connection__paused_at__isnull=True) | Q(cancel_requested=True)
    queued = Run.unscoped.filter(claimable(), able, ~Exists(busy), state=Run.State.QUEUED)
    first = queued.order_by().values("connection_id").annotate(first=Min("pk")).order_by("first")
    turns = [row["first"] for row in first[: 5 * config().TICK_LIMIT]]
    left = Q(state=Run.State.RUNNING, lease_until__lt=DbNow())
    return list(Run.unscoped.filter(left | Q(pk__in=turns)).select_related("tenant").order_by("pk"))
