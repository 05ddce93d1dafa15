"""Execute one run: where a pipeline meets the database."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db.models import Exists, OuterRef

from ingestion import events
from ingestion.core.declarations import require
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.core.stages import Prepared
from ingestion.database.clock import DbNow
from ingestion.database.retrying import retry_conflicts
from ingestion.models import DeadLetter, Event, Run, RunArtifact
from ingestion.running import batch, budget, claims, closing, configs, prefetch
from ingestion.running.execution import Execution, open_execution, require_page
from ingestion.running.hooks import Hooks
from ingestion.signals import run_started


def execute(run_id: int, hooks: Hooks | None = None) -> str | None:
    """Claim the run and execute it; return its state afterwards, or None when it could not be claimed.

    Failures that the run's own row can record end there. What escapes (the database is gone for good) leaves the run
    under its lease, and another worker takes it over when the lease has ended.
    """
    hooks = hooks or Hooks()
    claim = claims.claim(run_id)
    if claim is None:
        return None
    hooks.at("claimed")
    hooks.on_progress(claim)
    run = _read_claimed_run(claim)
    claim.batches = run.batches  # an owner whose lease had ended may have committed one during our claim
    try:
        with _relaxed_garbage_collection():
            _execute_claimed(run, claim, hooks)
    except Exception as error:  # noqa: BLE001  classified there; nothing is swallowed
        _handle_failure(run, claim, error)
    if run.state in Run.TERMINAL:  # this execution ended the run, and committed that
        return str(run.state)
    return str(Run.unscoped.values_list("state", flat=True).get(pk=run_id))


def _read_claimed_run(claim: claims.Claim) -> Run:
    """Read the claimed run and everything that opening its execution needs, in one query."""
    inputs = RunArtifact.unscoped.filter(run=OuterRef("pk"), role=RunArtifact.Role.INPUT)
    open_dead_letters = DeadLetter.unscoped.filter(connection=OuterRef("connection"), status__in=DeadLetter.OPEN)
    annotations = {"began": DbNow(), "has_inputs": Exists(inputs), "has_dead_letters": Exists(open_dead_letters)}
    run: Run = Run.unscoped.select_related("tenant", "connection").annotate(**annotations).get(pk=claim.run_id)
    run.connection.tenant = run.tenant
    return run


@contextmanager
def _relaxed_garbage_collection() -> Iterator[None]:
    """Let Python's garbage collector run less often, and skip every object that existed before the run.

    A batch makes tens of thousands of objects that die by themselves; at the usual thresholds the collector walks the
    whole process every few pages and takes a tenth of a run's time (measured).
    """
    thresholds = gc.get_threshold()
    frozen = gc.get_freeze_count()  # the process that forked this one may have frozen objects: they stay frozen
    if not frozen:
        gc.freeze()
    if thresholds[0]:
        gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        if not frozen:
            gc.unfreeze()


def _execute_claimed(run: Run, claim: claims.Claim, hooks: Hooks) -> None:
    if (run.fence, run.state) != (claim.fence, Run.State.RUNNING):
        raise Fenced(f"Run {run.pk} was claimed by another worker.")
    claims.require_not_stopped(claim, cancelled=run.cancel_requested, paused=run.connection.is_paused)
    execution = open_execution(run, claim, hooks)
    if claim.fence == 1:
        run_started.send_robust(Run, run=run)
    events.record(run, "started", _describe_start(run, claim), checkpoint=run.checkpoint)
    configs.note_refused(execution)
    refused = _process_pages(execution)
    if refused is not None:
        batch.refuse(execution, refused)
        return
    hooks.at("exhausted")
    budget.require_within(execution)
    closing.close(execution)


def _describe_start(run: Run, claim: claims.Claim) -> str:
    """Who executes the run from here on; from whom it was taken, how long it stood still, and what is done again."""
    text = f"claim {claim.fence} on {run.host}, process {run.worker_pid}"
    if claim.predecessor is not None:
        text += f", takes over from {claim.predecessor}; it stood still for {_standstill(run)}, "
        text += f"and batch {run.batches + 1} is read again"
    elif claim.fence > 1:
        text += f", goes on with batch {run.batches + 1} after {_standstill(run)}"
    return text


def _standstill(run: Run) -> str:
    """How long ago the run last made progress, or started."""
    moves = Event.unscoped.filter(run=run, name__in=("started", "batch")).order_by("-pk")
    last = moves.values_list("at", flat=True).first()
    began: datetime = run.began  # type: ignore[attr-defined]  # annotated when the run was read
    return f"{(began - last).total_seconds():.0f} s" if last else "an unknown time"


def _process_pages(execution: Execution) -> Prepared | None:
    """Turn page after page into batches. Return the page that breaks the error budget, as it was prepared.

    The caller fails the run with that page only after the source has ended: a source that hangs while it is closed
    would otherwise belong to a run that has ended, and no watchdog would end its process.
    """
    with prefetch.pages(execution) as pages:
        source = execution.pipeline.source
        require(pages is not None, f"What extract of {type(source).__name__} returns", pages, "an iterator of pages")
        for page in pages:
            require_page(page, source)
            execution.hooks.at("extracted")
            claims.renew_if_due(execution.claim)
            execution.hooks.on_progress(execution.claim)
            if (refused := batch.process(execution, page)) is not None:
                return refused
            execution.hooks.on_progress(execution.claim)
            if execution.hooks.stop():
                raise Paused("The worker was asked to stop; another one goes on from here.")
            execution.credentials.forget_if_replaced()  # before the source asks for its next page
    return None


def _handle_failure(run: Run, claim: claims.Claim, error: Exception) -> None:
    """End or requeue a run that failed, was paused or was cancelled, unless another worker has claimed it."""

    def requeue_paused() -> None:
        if claims.requeue(claim):
            events.record(run, "paused", str(error))

    try:
        match error:
            case Fenced():
                raise error
            case Paused():
                retry_conflicts(requeue_paused)
            case Cancelled():
                closing.cancel(run, claim)
            case _:
                closing.fail(run, claim, error)
    except Fenced:
        extra = {"tenant_id": run.tenant_id, "pipeline": run.pipeline, "run_id": run.pk, "event": "fenced"}
        events.logger.warning("fenced", extra=extra)
