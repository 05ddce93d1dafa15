"""How a run ends: closed with its watermark, queued for another attempt, failed, or cancelled."""

from __future__ import annotations

import os
import random
import sysconfig
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ingestion import deliveries, dispatch, events, queueing
from ingestion.conf import config
from ingestion.core import transient_errors
from ingestion.core.errors import (
    CredentialDamaged,
    CredentialError,
    CredentialMissing,
    DestinationUnavailable,
    Fenced,
    HeldOff,
    IngestionError,
    Transient,
    UnknownPipeline,
)
from ingestion.core.text import error_text, storable
from ingestion.database import errors
from ingestion.database.retrying import retry_conflicts
from ingestion.models import Connection, Run, Watermark
from ingestion.redaction import mask
from ingestion.running import claims, shards, verification
from ingestion.running.claims import Claim
from ingestion.running.execution import Execution
from ingestion.signals import run_finished

_LIVE = (Run.Kind.SCHEDULED, Run.Kind.MANUAL)
"""Kinds whose window continues the connection's own; only they move its watermark."""
_LIBRARY = sysconfig.get_path("stdlib")
_COUNTS = ("read", "ok", "skipped", "dead")


def close(execution: Execution) -> None:
    """Verify the control totals, then write watermark, terminal state and event in one transaction."""
    run, claim = execution.run, execution.claim
    windowed = run.window_end is not None
    checked = verification.verify(execution.pipeline, run.tally, run.proofs, windowed=windowed)
    verdicts = [*checked, *execution.unchecked]
    execution.hooks.at("verified")

    def end() -> None:
        row = claims.read_row(claim, *_COUNTS, watermark=Watermark.newest())
        counts = {name: row[name] for name in _COUNTS}
        watermark, moved = _watermark(run, row["watermark"])
        state = Run.State.PARTIAL if counts["dead"] else Run.State.SUCCEEDED
        _finish(run, claim, state, watermark_after=moved, error_class="", error_message="")
        if moved is not None and moved != watermark:
            Watermark.unscoped.create(tenant_id=run.tenant_id, connection_id=run.connection_id, value=moved, run=run)
        events.record(run, str(state), "; ".join(verdicts), **counts)
        _announce_on_commit(run, state)
        execution.hooks.at("before close")

    retry_conflicts(end, execution.hooks.sleep)
    execution.hooks.at("closed")


def _watermark(run: Run, watermark: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The connection's watermark before and after `run`, which moves it forward only and never over a gap.

    A run that was queued or retried before a newer one ended would move it back; one retried after an operator rewound
    it to before the run's window would skip what lies between.
    """
    if run.kind not in _LIVE or run.window_start is None or run.window_end is None:
        return None, None
    joins = watermark is None or run.window_start <= watermark <= run.window_end
    return watermark, run.window_end if joins else watermark


def cancel(run: Run, claim: Claim) -> None:
    def end() -> None:
        _finish(run, claim, Run.State.CANCELLED)
        events.record(run, "cancelled", "Stopped at a batch boundary; what was committed stays.")
        _announce_on_commit(run, Run.State.CANCELLED)

    retry_conflicts(end)


def fail(run: Run, claim: Claim, error: Exception) -> None:
    """Queue another attempt or end the run as failed, by the class of the error."""
    if not connection.in_atomic_block:  # a transaction of the caller, as in a TestCase, must survive
        connection.close()  # the failure may have left it unusable
    error = _classify(error)
    if claim.row.filter(cancel_requested=True).exists():
        return cancel(run, claim)
    attempts = claim.row.values_list("attempts", flat=True).first() or 0
    if isinstance(error, Transient) and attempts + 1 < config().MAX_ATTEMPTS:
        return retry_conflicts(lambda: _queue_retry(run, claim, error, backoff(attempts, error.retry_after)))
    return retry_conflicts(lambda: end_as_failed(run, claim, error))


def _queue_retry(run: Run, claim: Claim, error: Transient, delay: float) -> None:
    if claims.requeue(claim, failed=True, delay=delay, error=error):
        by = {"host": error.host} if isinstance(error, HeldOff) and error.host else {}
        events.record(run, "retry", f"{type(error).__name__}: {error}", delay=round(delay, 1), **by)
    elif Run.unscoped.filter(pk=run.pk, fence=claim.fence, state__in=Run.TERMINAL).exists():
        # The end was committed and only the answer was lost, so what follows an end has not happened yet.
        state = Run.unscoped.values_list("state", flat=True).get(pk=run.pk)
        text = "%s had been committed, only the answer was lost"
        transaction.on_commit(
            lambda: events.logger.info(text, state, extra=events.fields(run, str(state))), robust=True
        )
        transaction.on_commit(lambda: announce(run.pk), robust=True)


def _traceback(error: Exception, run: Run) -> str:
    return mask("".join(traceback.format_exception(error)), run.tenant_id)


def end_as_failed(run: Run, claim: Claim, error: Exception) -> None:
    """End the run as failed, inside the open transaction."""
    is_ours = isinstance(error, IngestionError)
    _finish(
        run,
        claim,
        Run.State.FAILED,
        error_class=type(error).__name__,
        error_message=storable(mask(error_text(error), run.tenant_id), 5000),
        traceback="" if is_ours else storable(_traceback(error, run)[-20_000:], 40_000),
    )
    if isinstance(error, CredentialError) and pause_connection(run.connection_id, error):
        events.record(run, "note", "The connection is paused: nothing of it runs until somebody resumes it.")
    # Only messages of IngestionErrors are sure to hold no payload and no secret; any other is on the run's page.
    events.record(run, "failed", f"{type(error).__name__}: {error}" if is_ours else _unforeseen(error))
    _announce_on_commit(run, Run.State.FAILED)


def _unforeseen(error: Exception) -> str:
    """Of an error that is not ours: its class, what the system calls it, and the line of code, which hold no data."""
    why = f" ({os.strerror(error.errno)})" if isinstance(error, OSError) and error.errno else ""
    frames = traceback.extract_tb(error.__traceback__)
    frame = next(
        (frame for frame in reversed(frames) if _is_project_code(frame.filename)), frames[-1] if frames else None
    )
    where = f" at {'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno}" if frame else ""
    return f"{type(error).__name__}{why}{where}; its traceback is on the run's page"


def _is_project_code(file: str) -> bool:
    """Whether code is the project's or ours, and not of a library below them, whose lines say little."""
    parts = Path(file).parts
    return "ingestion" in parts or not (file.startswith(_LIBRARY) or {"site-packages", "dist-packages"} & set(parts))


def pause_connection(connection_id: int, error: CredentialError) -> bool:
    """Pause the connection whose credential was refused; False when it is paused already."""
    going = Connection.unscoped.filter(pk=connection_id, paused_at__isnull=True)
    return bool(going.update(paused_at=timezone.now(), paused_reason=_why_paused(error)))


def _why_paused(error: CredentialError) -> str:
    if isinstance(error, CredentialMissing | CredentialDamaged):
        return storable(str(error), 200)
    return "The source refused the credential."


def backoff(failed_attempts: int, retry_after: float | None) -> float:
    """Seconds until the next attempt: doubled each time, with jitter, at least what the source asked for, capped."""
    wait = config().BACKOFF_SECONDS * 2**failed_attempts * random.uniform(0.75, 1.25)  # noqa: S311  jitter
    return min(max(float(wait), retry_after or 0.0), config().BACKOFF_CAP_SECONDS)


def _classify(error: Exception) -> Exception:
    if errors.is_transient(error):
        return DestinationUnavailable(f"The database is not available: {error}")
    if isinstance(error, UnknownPipeline):  # an old worker during a deploy; the next attempt may meet a new one
        return Transient(str(error))
    if transient_errors.is_outage(error) or queueing.is_timeout(error):
        return Transient(f"{type(error).__name__}: {error}")
    return error


def _finish(run: Run, claim: Claim, state: Run.State, **values: Any) -> None:
    """End the run. Raises Fenced when another worker has it."""
    ended = claim.row.update(
        state=state,
        finished_at=timezone.now(),
        active_key=None,
        webhook_key=None,
        slot_key=None,
        lease_until=None,
        isolation=None,
        **values,
    )
    if not ended:
        raise Fenced(f"Run {run.pk} was claimed by another worker.")


def _announce_on_commit(run: Run, state: Run.State) -> None:
    """Tell listeners and wake a worker for the next run, after the log line: the process may die meanwhile."""
    transaction.on_commit(lambda: _announce_end(run, state), robust=True)  # the run has ended, even if this fails


def _announce_end(run: Run, state: Run.State) -> None:
    run.state = state
    announce(run.pk)


def announce(run_id: int) -> None:
    """Tell listeners that the run has ended; wake workers for its tenant's next runs and its backfill's next shards."""
    waiting = Exists(deliveries.pending(OuterRef("connection_id")))
    rows = Run.unscoped.select_related("tenant", "connection", "parent").annotate(deliveries_wait=waiting)
    run = rows.get(pk=run_id)
    run_finished.send_robust(Run, run=run)
    dispatch.wake_next(run.tenant)
    if run.parent is not None and not shards.close_if_done(run.parent.pk):
        for shard in shards.next_shards(run.parent):
            queueing.wake(shard.pk, shard.tenant.tier, shard.fence)
    if run.deliveries_wait:
        deliveries.start_run(run.connection)
