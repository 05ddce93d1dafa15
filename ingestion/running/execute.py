"""Execute one run: where a pipeline meets the database."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Exists, OuterRef

from ingestion import events
from ingestion.core.declarations import require
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.core.stages import Prepared
from ingestion.database.clock import DbNow
from ingestion.database.retrying import retried
from ingestion.models import DeadLetter, Run, RunArtifact
from ingestion.running import batch, budget, claims, closing, configs, prefetch
from ingestion.running.execution import Execution, Hooks, open_execution, require_page
from ingestion.signals import run_started


def execute(run_id: int, hooks: Hooks | None = None) -> str | None:
    """Claim the run and carry it as far as it gets; its state afterwards, None when it could not be claimed.

    Every failure that the run's own row can express ends there. What escapes (the database is gone for good) leaves the
    run under its lease, to be taken over.
    """
    hooks = hooks or Hooks()
    claim = claims.claim(run_id)
    if claim is None:
        return None
    hooks.at("claimed")
    hooks.on_progress(claim)
    run = _taken_up(claim)
    claim.batches = run.batches  # an owner whose lease had ended may have committed one while we were claiming
    try:
        with _patient_collector():
            _carry(run, claim, hooks)
    except Exception as error:  # noqa: BLE001  classified there; nothing is swallowed
        _answer(run, claim, error)
    if run.state in Run.TERMINAL:  # ended by us, and committed
        return str(run.state)
    return str(Run.unscoped.values_list("state", flat=True).get(pk=run_id))


def _taken_up(claim: claims.Claim) -> Run:
    """The claimed run with what its execution asks about it, in one query."""
    inputs = RunArtifact.unscoped.filter(run=OuterRef("pk"), role=RunArtifact.Role.INPUT)
    open_dead_letters = DeadLetter.unscoped.filter(connection=OuterRef("connection"), status__in=DeadLetter.OPEN)
    asked = {"began": DbNow(), "has_inputs": Exists(inputs), "has_dead_letters": Exists(open_dead_letters)}
    taken_up: Run = Run.unscoped.select_related("tenant", "connection").annotate(**asked).get(pk=claim.run_id)
    taken_up.connection.tenant = taken_up.tenant
    return taken_up


@contextmanager
def _patient_collector() -> Iterator[None]:
    """Let Python's garbage collector look at what a run makes, less often, and not again at all that was there before.

    A batch makes tens of thousands of objects that die by themselves; at the usual thresholds the collector walks the
    whole process every few pages and takes a tenth of a run's time (measured).
    """
    before = gc.get_threshold()
    frozen = gc.get_freeze_count()  # by whoever forked us: it stays frozen
    if not frozen:
        gc.freeze()
    if before[0]:
        gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()


def _answer(run: Run, claim: claims.Claim, error: Exception) -> None:
    """End or give back a run that could not be carried to its end, unless another worker has it by now."""
    try:
        match error:
            case Fenced():
                raise error
            case Paused():
                retried(lambda: _pause(run, claim, error))
            case Cancelled():
                closing.cancel(run, claim)
            case _:
                closing.fail(run, claim, error)
    except Fenced:
        known = {"tenant_id": run.tenant_id, "pipeline": run.pipeline, "run_id": run.pk, "event": "fenced"}
        events.logger.warning("fenced", extra=known)


def _pause(run: Run, claim: claims.Claim, error: Paused) -> None:
    if claims.requeue(claim):
        events.record(run, "paused", str(error))


def _carry(run: Run, claim: claims.Claim, hooks: Hooks) -> None:
    if (run.fence, run.state) != (claim.fence, Run.State.RUNNING):
        raise Fenced(f"Run {run.pk} was claimed by another worker.")
    claims.go_on(claim, cancelled=run.cancel_requested, paused=run.connection.is_paused)
    execution = open_execution(run, claim, hooks)
    if claim.fence == 1:
        run_started.send_robust(Run, run=run)
    events.record(run, "started", f"claim {claim.fence} on {run.host}", checkpoint=run.checkpoint)
    configs.note_refused(execution)
    refused = _load(execution)
    if refused is not None:
        batch.refuse(execution, refused)
        return
    hooks.at("exhausted")
    budget.require_within(execution)
    closing.close(execution)


def _load(execution: Execution) -> Prepared | None:
    """Page by page; what was prepared of one that breaks the error budget.

    The run is ended with it only when the source has ended too: one that hangs would have nobody to end it afterwards.
    """
    with prefetch.pages(execution) as pages:
        source = execution.pipeline.source
        require(pages is not None, f"What extract of {type(source).__name__} returns", pages, "an iterator of pages")
        for page in pages:
            require_page(page, source)
            execution.hooks.at("extracted")
            if execution.claim.is_due():
                claims.renew(execution.claim)
            execution.hooks.on_progress(execution.claim)
            if (refused := batch.process(execution, page)) is not None:
                return refused
            execution.hooks.on_progress(execution.claim)
            if execution.hooks.stop():
                raise Paused("The worker was asked to stop; another one goes on from here.")
            execution.credentials.look()  # before the source asks for its next page
    return None
