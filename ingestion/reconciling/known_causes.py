"""Why a difference between source and table proves nothing."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from ingestion.core.periods import Figure
from ingestion.core.text import counted
from ingestion.core.windows import Window
from ingestion.models import Connection, DeadLetter, ReconciledPeriod, Run, Watermark
from ingestion.reconciling.comparison import Difference

Excuse = tuple[ReconciledPeriod.Cause, str]
_PIECE = 1000


def excuse(
    connection: Connection, window: Window, since: datetime, declared: Figure, stored: Figure, difference: Difference
) -> Excuse | None:
    """The first that applies. `since` is when the check began: what ran meanwhile may have changed the table."""
    return (
        _busy(connection, window, since)
        or _unread(connection, window)
        or (_rejected(connection, difference) if declared.ids is not None else _perhaps(connection, declared, stored))
    )


def _busy(connection: Connection, window: Window, since: datetime) -> Excuse | None:
    """Any run that is running may write rows of any time (an old invoice, paid today), but a shard only its own."""
    over = Q(window_start__lt=window.end, window_end__gt=window.start) | Q(window_start__isnull=True)
    at_work = Q(state=Run.State.RUNNING) | Q(finished_at__gte=since)
    under_way = (at_work & (over | ~Q(kind=Run.Kind.BACKFILL))) | (Q(state=Run.State.QUEUED) & over)
    run = Run.unscoped.filter(under_way, connection=connection).order_by("pk").values_list("pk", flat=True).first()
    if run is None:
        return None
    return ReconciledPeriod.Cause.BUSY, f"Run {run} was under way; the period is checked again when it has ended."


def _unread(connection: Connection, window: Window) -> Excuse | None:
    read = Watermark.newest_of(connection.pk)
    if read is not None and read >= window.end:
        return None
    whole = Run.unscoped.filter(
        connection=connection, state__in=(Run.State.SUCCEEDED, Run.State.PARTIAL),
        window_start__lte=window.start, window_end__gte=window.end,
    )  # fmt: skip
    if whole.exists():
        return None
    until = f"only up to {read:%Y-%m-%d %H:%M} UTC" if read else "nothing"
    return ReconciledPeriod.Cause.UNREAD, f"The connection has read {until}; run it, then check again."


def _perhaps(connection: Connection, declared: Figure, stored: Figure) -> Excuse | None:
    """Of a source that names no ids: as many records are missing as open letters may be, and no more than that."""
    count = DeadLetter.unscoped.filter(connection=connection, status__in=DeadLetter.OPEN).count()
    if not count or not 0 <= declared.count - stored.count <= count:
        return None
    text = f"{counted(count, 'open dead letter')} may be among what differs, and the source names no ids; replay them."
    return ReconciledPeriod.Cause.REJECTED, text


def _rejected(connection: Connection, difference: Difference) -> Excuse | None:
    """Rejected records are not stored, and that is known: they explain a difference that is theirs alone."""
    open_ones = DeadLetter.unscoped.filter(connection=connection, status__in=DeadLetter.OPEN)
    wanted = [*difference.missing, *(key for key, _, _ in difference.differing)]
    if difference.extra or not wanted:
        return None
    for start in range(0, len(wanted), _PIECE):
        piece = set(wanted[start : start + _PIECE])
        found = open_ones.filter(source_id__in=piece).values_list("source_id", flat=True)
        if piece - set(found):
            return None
    differ = counted(len(wanted), "record that differs was rejected", "records that differ were all rejected")
    text = f"{differ}; mend the cause, replay what was rejected, then check again."
    return ReconciledPeriod.Cause.REJECTED, text
