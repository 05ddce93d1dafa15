"""Which connections and closed days are due to be checked: each day at most once a day, unless its result may change.

The tick marks a connection as checked by one conditional UPDATE and wakes a worker, which uses the network. After a
lost wake-up or the death of a worker, the same days are due at the next check.
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
from ingestion.reconciling.checking import CheckHooks, can_reconcile, check
from ingestion.redaction import mask

logger = logging.getLogger("ingestion")
DAY = timedelta(days=1)
_AGAIN = timedelta(hours=20)
"""How old a result is before its day is checked again: a day, less the time between two checks of a connection."""


def closed_days(now: datetime, lag: timedelta, count: int) -> list[Window]:
    """The newest `count` days (UTC) that ended at least `lag` ago, the newest first."""
    today = datetime.combine((now - lag).astimezone(UTC).date(), time(), UTC)
    return [Window(today - (number + 1) * DAY, today - number * DAY) for number in range(count)]


def take_due_connections() -> list[Connection]:
    """Connections whose periods are to be checked now. Of callers at the same time, one gets each connection."""
    if not config().RECONCILE_DAYS:
        return []
    able = [pipeline.name for pipeline in registry.registered() if can_reconcile(pipeline)]
    due = Q(next_check__isnull=True) | Q(next_check__lte=DbNow())
    waiting = Connection.unscoped.filter(due, pipeline__in=able, paused_at__isnull=True).select_related("tenant")
    following = db_now_plus(config().RECONCILE_SECONDS)
    return [
        connection
        for connection in waiting.order_by("next_check", "pk")[: config().TICK_LIMIT]
        if Connection.unscoped.filter(due, pk=connection.pk, paused_at__isnull=True).update(next_check=following)
    ]


def due_periods(connection: Connection, now: datetime | None = None) -> list[Window]:
    """The closed periods of `connection` that are due: never checked, checked long ago, or ready for another check."""
    now = now or read_db_now()
    days = closed_days(now, registry.get(connection.pipeline).lag, config().RECONCILE_DAYS)
    rows = ReconciledPeriod.objects.for_tenant(connection.tenant_id).filter(connection=connection)
    fresh = rows.filter(start__in=[day.start for day in days], checked_at__gt=now - _AGAIN)
    settled = set(fresh.exclude(_may_change()).values_list("start", "end"))
    unsettled = set(fresh.filter(_may_change()).values_list("start", "end"))
    due = [day for day in days if (day.start, day.end) not in settled - unsettled]
    resynced = rows.filter(_resynced()).values_list("start", "end").distinct().order_by("start")
    return due + [period for start, end in resynced if (period := Window(start, end)) not in due]


def check_due_periods(connection_id: int, hooks: CheckHooks | None = None) -> int:
    """Check the due periods of one connection; how many were checked. Failures are logged, and tried again later."""
    connection = Connection.unscoped.select_related("tenant").filter(pk=connection_id, paused_at=None).first()
    if connection is None or not can_reconcile(registry.get(connection.pipeline)):
        return 0
    checked = 0
    for window in due_periods(connection):
        try:
            check(connection, window, patience=config().THROTTLE_SECONDS, hooks=hooks)
        except IngestionError as error:
            connection.refresh_from_db(fields=["paused_at"])
            logger.log(
                logging.ERROR if isinstance(error, CredentialError) else logging.WARNING,
                "The period from %s could not be checked (%s: %s); %s.",
                window.start.isoformat(),
                type(error).__name__,
                mask(str(error)),
                "the connection is paused" if connection.is_paused else "the next check tries again",
                extra={
                    "tenant_id": connection.tenant_id,
                    "pipeline": connection.pipeline,
                    "connection_id": connection.pk,
                    "event": "reconcile",
                },
            )
            return checked  # the same failure would meet the other days
        checked += 1
    return checked


def _may_change() -> Q:
    """Results that may soon change: a run was under way, or a re-sync has ended since."""
    return Q(cause=ReconciledPeriod.Cause.BUSY) | _resynced()


def _resynced() -> Q:
    return Q(
        ~Q(state=ReconciledPeriod.State.MATCHED),
        resync__state__in=Run.TERMINAL,
        resync__finished_at__gt=F("checked_at"),
    )
