"""How a run ends: closed with its watermark, given back for another attempt, failed, or cancelled."""

from __future__ import annotations

import random
import traceback
from datetime import datetime
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
from ingestion.core.text import storable, told
from ingestion.database import errors
from ingestion.database.retrying import retried
from ingestion.models import Connection, Run, Watermark
from ingestion.redaction import mask
from ingestion.running import claims, shards, verification
from ingestion.running.claims import Claim
from ingestion.running.execution import Execution
from ingestion.signals import run_finished

_LIVE = (Run.Kind.SCHEDULED, Run.Kind.MANUAL)
"""Kinds whose window continues the connection's own; only they move its watermark."""
_COUNTS = ("read", "ok", "skipped", "dead")


def close(execution: Execution) -> None:
    """Verify, then one transaction: watermark, terminal state, event."""
    run, claim = execution.run, execution.claim
    windowed = run.window_end is not None
    checked = verification.verify(execution.pipeline, run.tally, run.proofs, windowed=windowed)
    verdicts = [*checked, *execution.unchecked]
    execution.hooks.at("verified")

    def end() -> None:
        row = claims.look(claim, *_COUNTS, watermark=Watermark.newest())
        counts = {name: row[name] for name in _COUNTS}
        known, moved = _watermark(run, row["watermark"])
        state = Run.State.PARTIAL if counts["dead"] else Run.State.SUCCEEDED
        _finish(run, claim, state, watermark_after=moved, error_class="", error_message="")
        if moved is not None and moved != known:
            Watermark.unscoped.create(tenant_id=run.tenant_id, connection_id=run.connection_id, value=moved, run=run)
        events.record(run, str(state), "; ".join(verdicts), **counts)
        execution.hooks.at("before close")

    retried(end, execution.hooks.sleep)
    execution.hooks.at("closed")


def _watermark(run: Run, known: datetime | None) -> tuple[datetime | None, datetime | None]:
    """The connection's watermark, which is `known`, and after `run`, which moves it forward only and never over a gap.

    A run that was queued or retried before a newer one ended would move it back; one retried after an operator rewound
    it to before the run's window would skip what lies between.
    """
    if run.kind not in _LIVE or run.window_start is None or run.window_end is None:
        return None, None
    joins = known is None or run.window_start <= known <= run.window_end
    return known, run.window_end if joins else known


def cancel(run: Run, claim: Claim) -> None:
    def end() -> None:
        _finish(run, claim, Run.State.CANCELLED)
        events.record(run, "cancelled", "Stopped at a batch boundary; what was committed stays.")

    retried(end)


def fail(run: Run, claim: Claim, error: Exception) -> None:
    """Answer a failure by its class: queue another attempt, or end the run and keep the evidence."""
    if not connection.in_atomic_block:  # somebody's own transaction around us, as in a TestCase, must survive
        connection.close()  # whatever state the failure left it in
    error = _as_transient(error)
    if claim.row.filter(cancel_requested=True).exists():
        return cancel(run, claim)
    attempts = claim.row.values_list("attempts", flat=True).first() or 0
    if isinstance(error, Transient) and attempts + 1 < config().MAX_ATTEMPTS:
        return retried(lambda: _try_again(run, claim, error, backoff(attempts, error.retry_after)))
    return retried(lambda: end_failed(run, claim, error))


def _try_again(run: Run, claim: Claim, error: Transient, delay: float) -> None:
    if claims.requeue(claim, failed=True, delay=delay, error=error):
        by = {"host": error.host} if isinstance(error, HeldOff) and error.host else {}
        events.record(run, "retry", f"{type(error).__name__}: {error}", delay=round(delay, 1), **by)
    elif Run.unscoped.filter(pk=run.pk, fence=claim.fence, state__in=Run.TERMINAL).exists():
        # Its end was committed and only the answer was lost, and with it what should have followed.
        transaction.on_commit(lambda: announce(run.pk), robust=True)


def _told(error: Exception, run: Run) -> str:
    return mask("".join(traceback.format_exception(error)), run.tenant_id)


def end_failed(run: Run, claim: Claim, error: Exception) -> None:
    """End the run as failed, inside the transaction that is open."""
    known = isinstance(error, IngestionError)
    _finish(
        run,
        claim,
        Run.State.FAILED,
        error_class=type(error).__name__,
        error_message=storable(mask(told(error), run.tenant_id), 5000),
        traceback="" if known else storable(_told(error, run)[-20_000:], 40_000),
    )
    if isinstance(error, CredentialError):
        pause_for(run.connection_id, error)
    # Only our own messages are known to hold no payload and no secret; what else said is on the run's page.
    events.record(run, "failed", f"{type(error).__name__}: {error}" if known else type(error).__name__)


def pause_for(connection_id: int, error: CredentialError) -> bool:
    """Pause the connection whose credential was refused, unless it is paused already; whether this call did."""
    going = Connection.unscoped.filter(pk=connection_id, paused_at__isnull=True)
    return bool(going.update(paused_at=timezone.now(), paused_reason=_why_paused(error)))


def _why_paused(error: CredentialError) -> str:
    if isinstance(error, CredentialMissing | CredentialDamaged):
        return storable(str(error), 200)
    return "The source refused the credential."


def backoff(failed_before: int, retry_after: float | None) -> float:
    """Seconds until the next attempt: doubled each time, with jitter, at least what the source asked for, capped."""
    wait = config().BACKOFF_SECONDS * 2**failed_before * random.uniform(0.75, 1.25)  # noqa: S311  jitter
    return min(max(float(wait), retry_after or 0.0), config().BACKOFF_CAP_SECONDS)


def _as_transient(error: Exception) -> Exception:
    if errors.is_transient(error):
        return DestinationUnavailable(f"The database is not available: {error}")
    if isinstance(error, UnknownPipeline):  # an old worker during a deploy; the next attempt may meet a new one
        return Transient(str(error))
    if transient_errors.is_outage(error) or queueing.is_timeout(error):
        return Transient(f"{type(error).__name__}: {error}")
    return error


def _finish(run: Run, claim: Claim, state: Run.State, **values: Any) -> None:
    """End the run if it is still ours; afterwards tell listeners and wake a worker for the connection's next run."""
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
    transaction.on_commit(lambda: _ended(run, state), robust=True)  # it has ended, whatever happens to the news


def _ended(run: Run, state: Run.State) -> None:
    run.state = state
    announce(run.pk)


def announce(run_id: int) -> None:
    """Tell listeners that the run has ended, and workers about its tenant's next ones and its backfill's next shard."""
    waiting = Exists(deliveries.pending(OuterRef("connection_id")))
    rows = Run.unscoped.select_related("tenant", "connection", "parent").annotate(deliveries_wait=waiting)
    run = rows.get(pk=run_id)
    run_finished.send_robust(Run, run=run)
    dispatch.freed(run.tenant)
    if run.parent is not None and not shards.settle(run.parent.pk):
        for shard in shards.next_in_line(run.parent):
            queueing.wake(shard.pk, shard.tenant.tier, shard.fence)
    if run.deliveries_wait:
        deliveries.start_run(run.connection)
