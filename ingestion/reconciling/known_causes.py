"""Why a difference between source and table proves nothing."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from ingestion.core.periods import Figure
from ingestion.core.text import counted
from ingestion.core.windows import Window
from ingestion.models import Connection, DeadLetter, ReconciledPeriod, Run, Watermark
from ingestion.reconciling.comparison import Difference

KnownCause = tuple[ReconciledPeriod.Cause, str]
_CHUNK = 1000


def known_cause(
    connection: Connection, window: Window, since: datetime, declared: Figure, stored: Figure, difference: Difference
) -> KnownCause | None:
    """The first known cause of a difference. `since` is when the check began: later runs may have changed the table."""
    return (
        _busy_connection(connection, window, since)
        or _unread_period(connection, window)
        or (
            _all_rejected(connection, difference)
            if declared.ids is not None
            else _perhaps_rejected(connection, declared, stored)
        )
    )


def _busy_connection(connection: Connection, window: Window, since: datetime) -> KnownCause | None:
    """A running run may write rows of any time (an old invoice, paid today), but a shard only those of its window."""
    over = Q(window_start__lt=window.end, window_end__gt=window.start) | Q(window_start__isnull=True)
    at_work = Q(state=Run.State.RUNNING) | Q(finished_at__gte=since)
    under_way = (at_work & (over | ~Q(kind=Run.Kind.BACKFILL))) | (Q(state=Run.State.QUEUED) & over)
    run = Run.unscoped.filter(under_way, connection=connection).order_by("pk").values_list("pk", flat=True).first()
    if run is None:
        return None
    return ReconciledPeriod.Cause.BUSY, f"Run {run} was under way; the period is checked again when it has ended."


def _unread_period(connection: Connection, window: Window) -> KnownCause | None:
    read = Watermark.newest_of(connection.pk)
    if read is not None and read >= window.end:
        return None
    covering = Run.unscoped.filter(
        connection=connection,
        state__in=(Run.State.SUCCEEDED, Run.State.PARTIAL),
        window_start__lte=window.start,
        window_end__gte=window.end,
    )
    if covering.exists():
        return None
    until = f"only up to {read:%Y-%m-%d %H:%M} UTC" if read else "nothing"
    return ReconciledPeriod.Cause.UNREAD, f"The connection has read {until}; run it, then check again."


def _perhaps_rejected(connection: Connection, declared: Figure, stored: Figure) -> KnownCause | None:
    """For a source that names no ids: no more records are missing than there are open dead letters."""
    count = DeadLetter.unscoped.filter(connection=connection, status__in=DeadLetter.OPEN).count()
    if not count or not 0 <= declared.count - stored.count <= count:
        return None
    text = f"{counted(count, 'open dead letter')} may be among what differs, and the source names no ids; replay them."
    return ReconciledPeriod.Cause.REJECTED, text


def _all_rejected(connection: Connection, difference: Difference) -> KnownCause | None:
    """Rejected records explain a difference when every record that differs was rejected."""
    dead_letters = DeadLetter.unscoped.filter(connection=connection, status__in=DeadLetter.OPEN)
    differing_keys = [*difference.missing, *(key for key, _, _ in difference.differing)]
    if difference.extra or not differing_keys:
        return None
    for start in range(0, len(differing_keys), _CHUNK):
        chunk = set(differing_keys[start : start + _CHUNK])
        rejected_ids = dead_letters.filter(source_id__in=chunk).values_list("source_id", flat=True)
        if chunk - set(rejected_ids):
            return None
    differ = counted(len(differing_keys), "record that differs was rejected", "records that differ were all rejected")
    text = f"{differ}; mend the cause, replay what was rejected, then check again."
    return ReconciledPeriod.Cause.REJECTED, text
