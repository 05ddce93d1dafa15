"""Which closed days are due to be checked, and whose turn it is: each at most once a day, but for what may soon differ.

The tick takes a connection's turn by one conditional UPDATE and wakes a worker for it; network is a worker's business.
A lost wake-up or a dead worker costs one turn: the next one finds the same days due.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, time, timedelta

from django.db.models import F, Q

from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.errors import CredentialError, IngestionError
from ingestion.core.windows import Window
from ingestion.database.clock import DbNow, db_now_plus, read_db_now
from ingestion.models import Connection, ReconciledPeriod, Run
from ingestion.reconciling.checking import Hooks, can_reconcile, check
from ingestion.redaction import mask

logger = logging.getLogger("ingestion")
DAY = timedelta(days=1)
_AGAIN = timedelta(hours=20)
"""How old a verdict is before its day is checked again: a day, less what turns may be apart."""


def closed_days(now: datetime, lag: timedelta, count: int) -> list[Window]:
    """The newest `count` days (UTC) that are over for `lag`, the newest first."""
    today = datetime.combine((now - lag).astimezone(UTC).date(), time(), UTC)
    return [Window(today - (number + 1) * DAY, today - number * DAY) for number in range(count)]


def take_turns() -> list[Connection]:
    """Connections whose periods are to be looked at now; each is given to one caller, whoever asks at the same time."""
    if not config().RECONCILE_DAYS:
        return []
    able = [pipeline.name for pipeline in registry.registered() if can_reconcile(pipeline)]
    due = Q(next_check__isnull=True) | Q(next_check__lte=DbNow())
    waiting = Connection.unscoped.filter(due, pipeline__in=able, paused_at__isnull=True).select_related("tenant")
    following = db_now_plus(config().RECONCILE_SECONDS)
    return [
        one
        for one in waiting.order_by("next_check", "pk")[: config().TICK_LIMIT]
        if Connection.unscoped.filter(due, pk=one.pk, paused_at__isnull=True).update(next_check=following)
    ]


def look(connection: Connection, now: datetime | None = None) -> list[Window]:
    """The closed periods of `connection` that are due: never checked, checked long ago, or ready for another look."""
    now = now or read_db_now()
    days = closed_days(now, registry.get(connection.pipeline).lag, config().RECONCILE_DAYS)
    rows = ReconciledPeriod.objects.for_tenant(connection.tenant_id).filter(connection=connection)
    fresh = rows.filter(start__in=[one.start for one in days], checked_at__gt=now - _AGAIN)
    settled = set(fresh.exclude(_again()).values_list("start", "end"))
    unsettled = set(fresh.filter(_again()).values_list("start", "end"))
    due = [one for one in days if (one.start, one.end) not in settled - unsettled]
    mended = rows.filter(_mended()).values_list("start", "end").distinct().order_by("start")
    return due + [one for start, end in mended if (one := Window(start, end)) not in due]


def carry(connection_id: int, hooks: Hooks | None = None) -> int:
    """Check what is due of one connection; how many periods were. Failures are logged: the next turn tries again."""
    connection = Connection.unscoped.select_related("tenant").filter(pk=connection_id, paused_at=None).first()
    if connection is None or not can_reconcile(registry.get(connection.pipeline)):
        return 0
    checked = 0
    for window in look(connection):
        try:
            check(connection, window, patience=config().THROTTLE_SECONDS, hooks=hooks)
        except IngestionError as error:
            logger.log(
                logging.ERROR if isinstance(error, CredentialError) else logging.WARNING,
                "The period from %s could not be checked (%s: %s); the next turn tries again.",
                window.start.isoformat(),
                type(error).__name__,
                mask(str(error)),
                extra={"tenant_id": connection.tenant_id, "pipeline": connection.pipeline, "event": "reconcile"},
            )
            return checked  # whatever it was, the other days would meet it too
        checked += 1
    return checked


def _again() -> Q:
    """Verdicts that soon may be others: a run was in the way, or a re-sync has ended."""
    return Q(cause=ReconciledPeriod.Cause.BUSY) | _mended()


def _mended() -> Q:
    return Q(
        ~Q(state=ReconciledPeriod.State.MATCHED),
        resync__state__in=Run.TERMINAL,
        resync__finished_at__gt=F("checked_at"),
    )
