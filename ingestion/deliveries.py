"""Deliveries: who takes them in, and when they are done.

They belong to their connection and not to a run. At most one webhook run of a connection is queued or running
(`Run.webhook_key`, unique); it takes in whatever is pending. Three make one: whoever stores a delivery, in the same
transaction; whoever ends such a run and finds that more came meanwhile; and the tick, should both have died.
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
_REMEMBERED = 16
"""Failed runs in a row that are counted; the wait between two has reached its longest before."""


def ensure_run(connection: Connection, *, wake: bool = True) -> Run | None:
    """A queued run for the connection's deliveries unless it has one; call it in the transaction that stores one.

    A run that is just ending may not see the delivery any more: where there is an active one, it is looked at again
    after the commit. The worker that ends a run looks for deliveries after its own commit, so one of the two sees the
    other.
    """
    run = _make_run(connection, wake)
    if run is None and wake:
        transaction.on_commit(lambda: start_run(connection), robust=True)
    return run


def start_run(connection: Connection, *, wake: bool = True) -> Run | None:
    """A queued run if deliveries are pending and none is active."""
    return _make_run(connection, wake) if pending(connection.pk).exists() else None


def _make_run(connection: Connection, wake: bool) -> Run | None:
    if Run.unscoped.filter(webhook_key=connection.pk).exists():
        return None
    not_before = _wait_after_failures(connection)
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
        return None  # another process made it at the same time
    if wake:
        dispatch.wake(run)
    return run


def _wait_after_failures(connection: Connection) -> datetime | None:
    """The end of the next run's wait after failed ones: a broken pipeline must not fail once for every delivery."""
    ended = Run.unscoped.filter(connection=connection, kind=Run.Kind.WEBHOOK, state__in=Run.TERMINAL).order_by("-pk")
    # One that was cancelled unasked had no delivery left, which says nothing of the next.
    ended = ended.exclude(state=Run.State.CANCELLED, cancel_requested=False)
    newest = list(ended.values_list("state", "finished_at")[:_REMEMBERED])
    failed = list(takewhile(lambda row: row[0] in (Run.State.FAILED, Run.State.CANCELLED), newest))
    if not failed or failed[0][1] is None:
        return None
    settings = config()
    wait = min(settings.BACKOFF_SECONDS * 2.0 ** (settings.MAX_ATTEMPTS + len(failed)), settings.BACKOFF_CAP_SECONDS)
    until: datetime = failed[0][1] + timedelta(seconds=wait)
    return until if until > read_db_now() else None


def run_at_once(connection: Connection, *, wake: bool = True) -> Run | None:
    """The connection's queued run, made if need be, freed from any wait; None while one is running.

    Call it in the transaction that records the request.
    """
    _make_run(connection, wake=False)
    queued = Run.unscoped.filter(webhook_key=connection.pk, state=Run.State.QUEUED)
    queued.update(not_before=None)
    run = queued.first()
    if run is not None and wake:
        dispatch.wake(run)
    return run


def pending(connection_id: int | OuterRef) -> QuerySet[Delivery]:
    return Delivery.unscoped.filter(connection_id=connection_id, state=Delivery.State.PENDING)


def is_full(connection: Connection) -> bool:
    """Whether this connection's waiting deliveries have reached the limit, so that no sender can fill the disk."""
    waiting = pending(connection.pk).aggregate(count=Count("pk"), size=Sum("size", default=0))
    full: bool = waiting["count"] >= config().MAX_PENDING_DELIVERIES or waiting["size"] >= config().MAX_PENDING_BYTES
    return full


def forgotten(now: datetime) -> list[Connection]:
    """Connections, not paused, for which something has been waiting longer than an hour."""
    waiting = Delivery.unscoped.filter(connection=OuterRef("pk"), state=Delivery.State.PENDING)
    old = Exists(waiting.order_by().filter(received_at__lt=now - _LONG))
    return list(Connection.unscoped.filter(old, paused_at__isnull=True).select_related("tenant").order_by("pk"))


def settle(run: Run, ids: Sequence[int], now: datetime) -> None:
    """Mark deliveries as taken in, inside the transaction of the batch that did. Raises Fenced when another one did."""
    settled = 0
    for start in range(0, len(ids), _CHUNK):
        deliveries = pending(run.connection_id).filter(tenant_id=run.tenant_id, pk__in=ids[start : start + _CHUNK])
        settled += deliveries.update(state=Delivery.State.DONE, run=run, done_at=now)
    if settled != len(ids):
        raise Fenced(f"Deliveries of run {run.pk} were taken in by another one; this batch is rolled back.")
