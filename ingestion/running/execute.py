"""Execute one run: where a pipeline meets the database."""

from __future__ import annotations

from django.db import transaction

from ingestion import events
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.models import Run
from ingestion.running import batch, closing, ownership
from ingestion.running.work import Seams, open_work
from ingestion.signals import run_started


def execute(run_id: int, seams: Seams | None = None) -> str | None:
    """Claim the run and carry it as far as it gets; its state afterwards, None when it could not be claimed.

    Every failure that the run's own row can express ends there. What escapes (the database is gone for good) leaves the
    run under its lease, to be taken over.
    """
    seams = seams or Seams()
    mine = ownership.claim(run_id)
    if mine is None:
        return None
    seams.at("claimed")
    run = Run.unscoped.select_related("tenant", "connection").get(pk=run_id)
    try:
        _carry(run, mine, seams)
    except Exception as error:  # noqa: BLE001  classified there; nothing is swallowed
        _answer(run, mine, error)
    return str(Run.unscoped.values_list("state", flat=True).get(pk=run_id))


def _answer(run: Run, mine: ownership.Ownership, error: Exception) -> None:
    """End or give back a run that could not be carried to its end, unless another worker has it by now."""
    try:
        match error:
            case Fenced():
                raise error
            case Paused():
                with transaction.atomic():
                    if ownership.give_back(mine):
                        events.record(run, "paused", str(error))
            case Cancelled():
                closing.cancel(run, mine)
            case _:
                closing.fail(run, mine, error)
    except Fenced:
        known = {"tenant_id": run.tenant_id, "pipeline": run.pipeline, "run_id": run.pk, "event": "fenced"}
        events.logger.warning("fenced", extra=known)


def _carry(run: Run, mine: ownership.Ownership, seams: Seams) -> None:
    ownership.renew(mine)
    work = open_work(run, mine, seams)
    mine.row.update(pipeline_version=work.pipeline.version)
    if mine.fence == 1:
        run_started.send_robust(Run, run=run)
    events.record(run, "started", f"claim {mine.fence} on {run.host}", checkpoint=run.checkpoint)
    for page in work.pipeline.source.extract(work.ctx, run.checkpoint):
        seams.at("extracted")
        ownership.renew(mine)
        if not batch.process(work, page):
            return
        if seams.stop():
            raise Paused("The worker was asked to stop; another one goes on from here.")
        work.held.look()  # before the source fetches its next page
    seams.at("exhausted")
    ownership.renew(mine)
    closing.close(work)
