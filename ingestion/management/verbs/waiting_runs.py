"""Execute the runs that wait on a connection when `ingest run` is called, and decide whether another run follows."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from django.db.models import QuerySet

from ingestion import deliveries
from ingestion.core import registry
from ingestion.core.ingestion_modes import finds, takes_deliveries
from ingestion.management.verbs import inline_execution
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.inline_execution import Unmade
from ingestion.models import Connection, Run

_OVER_A_WINDOW = (Run.Kind.SCHEDULED, Run.Kind.MANUAL)


def execute_all(connection: Connection, stop: threading.Event) -> list[Run]:
    """Execute here what waits, unless workers do; returns it, and what must be answered for though it goes on later.

    Deliveries that no run is to take in get theirs before.
    """
    pipeline = registry.get(connection.pipeline)
    if takes_deliveries(pipeline) and not connection.is_paused:
        deliveries.start_run(connection, wake=False)
    executed = inline_execution.execute_earlier(connection, stop)
    answerable = _held_up(connection) if finds(pipeline) else _unended(connection)
    rows = {run.pk: run for run in [*executed, *answerable]}
    for run in rows.values():
        run.refresh_from_db()
    return list(rows.values())


def _held_up(connection: Connection) -> QuerySet[Run]:
    """Runs over a window of which an attempt failed and the next one is not due yet; workers look after their own."""
    queued = _runs(connection).filter(state=Run.State.QUEUED, kind__in=_OVER_A_WINDOW)
    return queued.none() if inline_execution.is_served(connection) else queued.exclude(error_class="")


def _unended(connection: Connection) -> QuerySet[Run]:
    """What waits for its time, a worker or another process; asked where the source finds nothing by itself."""
    return _runs(connection).filter(state__in=Run.ACTIVE).exclude(kind=Run.Kind.BACKFILL)


def _runs(connection: Connection) -> QuerySet[Run]:
    runs = Run.objects.for_tenant(connection.tenant).filter(connection=connection, parent=None)
    return runs.select_related("tenant", "connection__tenant").order_by("pk")


def why_no_other(executed: Sequence[Run], *, stopped: bool) -> Unmade | None:
    """Why no run over the next window may follow those that were executed; None where one may."""
    if stopped:
        return Unmade("Stopped before another run was made.", Exit.WAITING)
    if any(run.kind in _OVER_A_WINDOW and run.state == Run.State.QUEUED for run in executed):
        return Unmade("No other run was made: it would read the same window.", Exit.WAITING)
    return None
