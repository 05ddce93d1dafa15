"""A run's error budget: how much of what it reads may be rejected before it fails."""

from __future__ import annotations

from ingestion.core import stages
from ingestion.core.errors import ErrorBudgetExceeded
from ingestion.models import Run
from ingestion.running.execution import Execution


def exceeded(execution: Execution, read: int, dead: int) -> bool:
    """Whether too much of what was read is rejected.

    Not of what nobody sends again: letters, and deliveries, which would stay pending and come back for ever.
    """
    spared = (Run.Kind.REPLAY, Run.Kind.WEBHOOK)
    return execution.run.kind not in spared and execution.pipeline.error_budget.exceeded(read, dead)


def require_within(execution: Execution) -> None:
    """Raise ErrorBudgetExceeded, at the end of a run, when too much of what it read was rejected.

    Not of uploads: nobody reads their window again, and what was rejected waits with its file for a person.
    """
    spared = (Run.Kind.REPLAY, Run.Kind.WEBHOOK, Run.Kind.UPLOAD)
    if execution.run.kind not in spared and execution.pipeline.error_budget.exceeded_at_the_end(
        execution.read, execution.dead
    ):
        raise error(execution, execution.read, execution.dead)


def would_break(execution: Execution, prepared: stages.Prepared) -> bool:
    """Whether taking this page would be too much; then nothing of it is loaded."""
    bad = len(prepared.rejected)
    return bad > 0 and exceeded(execution, execution.read + len(prepared), execution.dead + bad)


def error(execution: Execution, read: int, dead: int) -> ErrorBudgetExceeded:
    """What the run fails with."""
    if execution.run.window_end is None:
        what = (
            "upload a corrected file, or mend the pipeline or the connection's declaration and retry the run; what was "
            "loaded stays."
        )
    else:
        what = (
            "when the source has changed, mend the pipeline or the connection's declaration and run it again; the "
            "watermark has not moved."
        )
    return ErrorBudgetExceeded(f"{execution.pipeline.error_budget.breach(read, dead)} Look at the dead letters: {what}")
