"""A run's error budget: how much of what it reads may be rejected before it fails."""

from __future__ import annotations

from ingestion.core import stages
from ingestion.core.errors import ErrorBudgetExceeded
from ingestion.models import Run
from ingestion.running.execution import Work


def exceeded(work: Work, read: int, dead: int) -> bool:
    """Whether too much of what was read is rejected.

    Not of what nobody sends again: letters, and deliveries, which would stay pending and come back for ever.
    """
    spared = (Run.Kind.REPLAY, Run.Kind.WEBHOOK)
    return work.run.kind not in spared and work.pipeline.error_budget.exceeded(read, dead)


def require_within(work: Work) -> None:
    """Raise ErrorBudgetExceeded, at the end of a run, when too much of what it read was rejected.

    Not of uploads: nobody reads their window again, and what was rejected waits with its file for a person.
    """
    spared = (Run.Kind.REPLAY, Run.Kind.WEBHOOK, Run.Kind.UPLOAD)
    if work.run.kind not in spared and work.pipeline.error_budget.exceeded_at_the_end(work.read, work.dead):
        raise error(work, work.read, work.dead)


def would_break(work: Work, prepared: stages.Prepared) -> bool:
    """Whether taking this page would be too much; then nothing of it is loaded."""
    bad = len(prepared.rejected)
    return bad > 0 and exceeded(work, work.read + len(prepared), work.dead + bad)


def error(work: Work, read: int, dead: int) -> ErrorBudgetExceeded:
    """What the run fails with."""
    if work.run.window_end is None:
        what = (
            "upload a corrected file, or mend the pipeline or the connection's declaration and retry the run; what was "
            "loaded stays."
        )
    else:
        what = (
            "when the source has changed, mend the pipeline or the connection's declaration and run it again; the "
            "watermark has not moved."
        )
    return ErrorBudgetExceeded(f"{work.pipeline.error_budget.breach(read, dead)} Look at the dead letters: {what}")
