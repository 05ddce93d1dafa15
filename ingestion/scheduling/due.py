"""Due connections become runs.

Whether an instant does is decided by one conditional UPDATE, and `due_key` is unique.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from ingestion import dispatch, events
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.schedules import CatchUp, Place, Schedule
from ingestion.database import errors
from ingestion.database.clock import DbNow, read_db_now
from ingestion.models import Connection, Run
from ingestion.repeats import Repeats
from ingestion.scheduling.connections import place_of, schedule_of
from ingestion.scheduling.windows import window_for

logger = logging.getLogger("ingestion")
_repeats = Repeats()
"""Of connections that cannot be queued."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a due instant: a run whose window ends at `until` (None: no run), then wait for `following`."""

    until: datetime | None
    following: datetime | None


def make_runs() -> list[int]:
    """Make one run for each due connection without one under way; return the tenant's id of each run."""
    return [connection.tenant_id for connection in _due() if _try_to_make_run(connection)]


def make_next_missed_run(run_id: int) -> bool:
    """After a successful run, make that of the next missed period at once, where each has its own; whether it was made.

    The runs are made one after the other, so that each window starts at the watermark of the run before.
    """
    ended = Run.unscoped.filter(pk=run_id, kind=Run.Kind.SCHEDULED).select_related("connection__tenant").first()
    if ended is None or registry.get(ended.pipeline).catch_up != "each":
        return False
    queued = [
        connection
        for connection in _due(Connection.unscoped.filter(pk=ended.connection_id))
        if _try_to_make_run(connection)
    ]
    if queued:
        dispatch.wake_next(queued[0].tenant)
    return bool(queued)


def decide(schedule: Schedule | None, catch_up: CatchUp, due: datetime, now: datetime, place: Place) -> Decision:
    """Decide what to do about the instant `due` at the time `now`."""
    if schedule is None:
        return Decision(now, None)
    match catch_up:
        case "each":
            return Decision(due, schedule.after(due, place))
        case "skip" if now - due > timedelta(seconds=config().SKIP_AFTER_SECONDS):
            return Decision(None, schedule.after(now, place))
        case _:
            return Decision(now, schedule.after(max(due, now), place))


def _due(among: QuerySet[Connection] | None = None) -> list[Connection]:
    """Due connections without a scheduled run under way; others stay due, so that missed periods become one run."""
    busy = Run.unscoped.filter(connection=OuterRef("pk"), kind=Run.Kind.SCHEDULED, state__in=Run.ACTIVE)
    connections = Connection.unscoped.all() if among is None else among
    due = connections.filter(~Exists(busy), paused_at__isnull=True, next_due__lte=DbNow())
    registered = [pipeline.name for pipeline in registry.registered()]
    _report_unknown(due.exclude(pipeline__in=registered))
    # Connections without code stay due for ever: in time they would fill the limit, and no other would be dispatched.
    return dispatch.fair(due.filter(pipeline__in=registered), config().TICK_LIMIT)


def _report_unknown(due: QuerySet[Connection]) -> None:
    for name in due.order_by().values_list("pipeline", flat=True).distinct():
        if (more := _repeats.due(name)) is not None:
            text = "Connections of pipeline %s are due, but no installed app registers it.%s"
            logger.error(text, name, more, extra={"pipeline": name, "event": "unknown_pipeline"})


def _try_to_make_run(connection: Connection) -> bool:
    """Make a run; an error of one connection (a schedule that raises, an instant set back by hand) is only logged."""
    cause = ("due", connection.pk)
    try:
        is_made = _make_run(connection)
    except Exception as error:
        if errors.is_transient(error):
            raise
        if (more := _repeats.due(cause)) is not None:
            logger.exception(
                "Connection %s is due and could not be queued.%s",
                connection.pk,
                more,
                extra={
                    "tenant_id": connection.tenant_id,
                    "pipeline": connection.pipeline,
                    "connection_id": connection.pk,
                    "event": "tick",
                },
            )
        return False
    _repeats.over(cause)
    return is_made


def _make_run(due_connection: Connection) -> bool:
    """Make one run of a due instant, or none where the policy says so; False when another ticker has done it."""
    pipeline = registry.get(due_connection.pipeline)
    due = due_connection.next_due
    if due is None:
        return False
    with transaction.atomic():
        # Read again under a lock: an operator may have changed the schedule meanwhile.
        connection = (
            Connection.unscoped.select_for_update().filter(pk=due_connection.pk, next_due=due, paused_at=None).first()
        )
        if connection is None:
            return False
        now = read_db_now()
        decision = decide(schedule_of(connection), pipeline.catch_up, due, now, place_of(connection))
        if not Connection.unscoped.filter(pk=connection.pk, next_due=due).update(next_due=decision.following):
            return False
        if decision.until is None:
            _report_skipped(connection, due, decision.following)
            return False
        due_key = f"{connection.pk}:{due.isoformat()}"
        if Run.unscoped.filter(due_key=due_key).exists():
            return False  # an operator set next_due back; this instant had its run, and the next one will have its own
        window, watermark = window_for(connection, decision.until)
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
        events.record(run, "queued", f"due at {due.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}")
    return True


def _report_skipped(connection: Connection, due: datetime, following: datetime | None) -> None:
    logger.warning(
        "Connection %s was due at %s and nothing ran in time; as its pipeline asks, it waits for %s.",
        connection.pk,
        due.isoformat(),
        following.isoformat() if following else "a request",
        extra={"tenant_id": connection.tenant_id, "pipeline": connection.pipeline, "event": "skipped"},
    )
