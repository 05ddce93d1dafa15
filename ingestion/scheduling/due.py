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
from ingestion.scheduling.connections import place_of, schedule_of
from ingestion.scheduling.windows import window_for

logger = logging.getLogger("ingestion")


@dataclass(frozen=True, slots=True)
class Turn:
    """What a due instant comes to: a run whose window ends at `until` (None: no run), and the instant after it."""

    until: datetime | None
    following: datetime | None


def make_runs() -> list[int]:
    """One run for each due connection that has none under way; whose they are, a tenant's id for each."""
    return [connection.tenant_id for connection in _due() if _try_to_make_run(connection)]


def go_on(run_id: int) -> bool:
    """After a run that ended well: the next missed period's run at once, where each has its own; whether it was made.

    They are made one after the other, so that each window starts at the watermark that the one before it set.
    """
    ended = Run.unscoped.filter(pk=run_id, kind=Run.Kind.SCHEDULED).select_related("connection__tenant").first()
    if ended is None or registry.get(ended.pipeline).catch_up != "each":
        return False
    made = [one for one in _due(Connection.unscoped.filter(pk=ended.connection_id)) if _try_to_make_run(one)]
    if made:
        dispatch.freed(made[0].tenant)
    return bool(made)


def turn(schedule: Schedule | None, catch_up: CatchUp, due: datetime, now: datetime, place: Place) -> Turn:
    """What to do about the instant `due`, seen at `now`."""
    if schedule is None:
        return Turn(now, None)
    match catch_up:
        case "each":
            return Turn(due, schedule.after(due, place))
        case "skip" if now - due > timedelta(seconds=config().SKIP_AFTER_SECONDS):
            return Turn(None, schedule.after(now, place))
        case _:
            return Turn(now, schedule.after(max(due, now), place))


def _due(among: QuerySet[Connection] | None = None) -> list[Connection]:
    """Due connections without a scheduled run under way; the others stay due, so that missed periods become one run."""
    busy = Run.unscoped.filter(connection=OuterRef("pk"), kind=Run.Kind.SCHEDULED, state__in=Run.ACTIVE)
    connections = Connection.unscoped.all() if among is None else among
    due = connections.filter(~Exists(busy), paused_at__isnull=True, next_due__lte=DbNow())
    known = [pipeline.name for pipeline in registry.registered()]
    _report_unknown(due.exclude(pipeline__in=known))
    # Those without code stay due for ever: left in, they would in time fill the limit and leave nobody else a turn.
    return dispatch.fair(due.filter(pipeline__in=known), config().TICK_LIMIT)


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
        if errors.is_transient(error):
            raise
        logger.exception(
            "Connection %s is due and could not be queued.",
            connection.pk,
            extra={"tenant_id": connection.tenant_id, "pipeline": connection.pipeline, "event": "tick"},
        )
        return False


def _make_run(seen: Connection) -> bool:
    """Turn one due instant into one run, or into none where its policy says so, unless another ticker did."""
    pipeline = registry.get(seen.pipeline)
    due = seen.next_due
    if due is None:
        return False
    with transaction.atomic():
        # Read again under its lock: a schedule that an operator changed meanwhile decides what follows.
        connection = Connection.unscoped.select_for_update().filter(pk=seen.pk, next_due=due, paused_at=None).first()
        if connection is None:
            return False
        now = read_db_now()
        decided = turn(schedule_of(connection), pipeline.catch_up, due, now, place_of(connection))
        if not Connection.unscoped.filter(pk=connection.pk, next_due=due).update(next_due=decided.following):
            return False
        if decided.until is None:
            _report_skipped(connection, due, decided.following)
            return False
        due_key = f"{connection.pk}:{due.isoformat()}"
        if Run.unscoped.filter(due_key=due_key).exists():
            return False  # somebody set next_due back; this instant had its run, the next one will have its own
        window, watermark = window_for(connection, decided.until)
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
