"""Deliveries: which run ingests them, and when they are done.

A delivery belongs to its connection and not to a run. At most one webhook run of a connection is queued or running
(`Run.webhook_key`, unique); it ingests all pending deliveries. Such a run is made in three places: in the transaction
that stores a delivery; after the end of a webhook run, when more deliveries have arrived; and by the tick, when the
processes of both have died.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from ingestion import dispatch, events
from ingestion.conf import config
from ingestion.core.errors import Fenced
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Delivery, Run

_CHUNK = 500
_LONG = timedelta(hours=1)
_COUNTED_FAILURES = 16
"""Failed runs in a row that are counted; with fewer the wait has reached its maximum already."""


def ensure_run(connection: Connection, *, wake: bool = True) -> Run | None:
    """Queue a run for the connection's deliveries unless it has one; call it in the transaction that stores one.

    An active run that is just ending may not see the new delivery any more, so after the commit it is checked again.
    The end of a run checks for deliveries after its own commit too, so one of the two sees the other.
    """
    run = _create_run(connection, wake)
    if run is None and wake:
        transaction.on_commit(lambda: start_run(connection), robust=True)
    return run


def start_run(connection: Connection, *, wake: bool = True) -> Run | None:
    """Queue a run if deliveries are pending and no run is active."""
    return _create_run(connection, wake) if pending(connection.pk).exists() else None


def _create_run(connection: Connection, wake: bool) -> Run | None:
    if Run.unscoped.filter(webhook_key=connection.pk).exists():
        return None
    not_before = _wait_until(connection)
    try:
        with transaction.atomic():
            run = Run.unscoped.create(
                tenant_id=connection.tenant_id,
                connection=connection,
                pipeline=connection.pipeline,
                kind=Run.Kind.WEBHOOK,
                webhook_key=connection.pk,
                not_before=not_before,
            )
            events.record(run, "queued", "deliveries are pending" + (", after a failed run" if not_before else ""))
    except IntegrityError:
        return None  # another process has created it at the same time
    if wake:
        dispatch.wake(run)
    return run


def _wait_until(connection: Connection) -> datetime | None:
    """Until when the next run waits after failed ones: a broken pipeline must not fail for each delivery anew."""
    ended = Run.unscoped.filter(connection=connection, kind=Run.Kind.WEBHOOK, state__in=Run.TERMINAL).order_by("-pk")
    # A run that was cancelled without a request had no delivery left, which is no failure.
    ended = ended.exclude(state=Run.State.CANCELLED, cancel_requested=False)
    newest = list(ended.values_list("state", "finished_at")[:_COUNTED_FAILURES])
    failed = list(takewhile(lambda row: row[0] in (Run.State.FAILED, Run.State.CANCELLED), newest))
    if not failed or failed[0][1] is None:
        return None
    settings = config()
    wait = min(settings.BACKOFF_SECONDS * 2.0 ** (settings.MAX_ATTEMPTS + len(failed)), settings.BACKOFF_CAP_SECONDS)
    until: datetime = failed[0][1] + timedelta(seconds=wait)
    return until if until > read_db_now() else None


def run_at_once(connection: Connection, *, wake: bool = True) -> Run | None:
    """The connection's queued run, created if necessary, due at once; None while a run is running.

    Call it in the transaction that records the request.
    """
    _create_run(connection, wake=False)
    queued = Run.unscoped.filter(webhook_key=connection.pk, state=Run.State.QUEUED)
    queued.update(not_before=None)
    run = queued.first()
    if run is not None and wake:
        dispatch.wake(run)
    return run


def pending(connection_id: int | OuterRef) -> QuerySet[Delivery]:
    return Delivery.unscoped.filter(connection_id=connection_id, state=Delivery.State.PENDING)


def is_full(connection: Connection) -> bool:
    """Whether the connection has as many pending deliveries as allowed: no sender can fill the disk."""
    waiting = pending(connection.pk).aggregate(count=Count("pk"), size=Sum("size", default=0))
    full: bool = waiting["count"] >= config().MAX_PENDING_DELIVERIES or waiting["size"] >= config().MAX_PENDING_BYTES
    return full


def long_pending(now: datetime) -> list[Connection]:
    """Connections that are not paused and have had a pending delivery for more than an hour."""
    waiting = Delivery.unscoped.filter(connection=OuterRef("pk"), state=Delivery.State.PENDING)
    old = Exists(waiting.order_by().filter(received_at__lt=now - _LONG))
    return list(Connection.unscoped.filter(old, paused_at__isnull=True).select_related("tenant").order_by("pk"))


def mark_done(run: Run, ids: Sequence[int], now: datetime) -> None:
    """Mark deliveries as done, in the transaction of the batch that ingested them. Raises Fenced when they are not
    pending any more.
    """
    marked = 0
    for start in range(0, len(ids), _CHUNK):
        rows = pending(run.connection_id).filter(tenant_id=run.tenant_id, pk__in=ids[start : start + _CHUNK])
        marked += rows.update(state=Delivery.State.DONE, run=run, done_at=now)
    if marked != len(ids):
        raise Fenced(f"Deliveries of run {run.pk} were taken in by another one; this batch is rolled back.")
