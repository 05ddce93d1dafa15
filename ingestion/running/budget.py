"""A run's error budget: how much of what it reads may be rejected before it fails."""

from __future__ import annotations

from ingestion.core import stages
from ingestion.core.errors import ErrorBudgetExceeded
from ingestion.models import Run
from ingestion.running.execution import Execution


def exceeded(execution: Execution, read: int, dead: int) -> bool:
    """Whether too many of the records read so far are rejected.

    Replay and webhook runs have no error budget: nobody sends a dead letter again, and deliveries would stay pending,
    so a failed run would repeat for ever.
    """
    kinds_without_budget = (Run.Kind.REPLAY, Run.Kind.WEBHOOK)
    return execution.run.kind not in kinds_without_budget and execution.pipeline.error_budget.exceeded(read, dead)


def require_within(execution: Execution) -> None:
    """Raise ErrorBudgetExceeded, at the end of a run, when too many of its records were rejected.

    Uploads pass: no later run reads their window again, and the rejected records wait with their file for a person.
    """
    kinds_without_budget = (Run.Kind.REPLAY, Run.Kind.WEBHOOK, Run.Kind.UPLOAD)
    if execution.run.kind not in kinds_without_budget and execution.pipeline.error_budget.exceeded_at_the_end(
        execution.read, execution.dead
    ):
        raise budget_error(execution, execution.read, execution.dead)


def would_break(execution: Execution, prepared: stages.Prepared) -> bool:
    """Whether this page would exceed the error budget; then none of it is loaded."""
    bad = len(prepared.rejected)
    return bad > 0 and exceeded(execution, execution.read + len(prepared), execution.dead + bad)


def budget_error(execution: Execution, read: int, dead: int) -> ErrorBudgetExceeded:
    """The error that the run fails with."""
    if execution.run.window_end is None:
        advice = (
            "upload a corrected file, or mend the pipeline or the connection's declaration and retry the run; what was "
            "loaded stays."
        )
    else:
        advice = (
            "when the source has changed, mend the pipeline or the connection's declaration and run it again; the "
            "watermark has not moved."
        )
    breach = execution.pipeline.error_budget.breach(read, dead)
    return ErrorBudgetExceeded(f"{breach} Look at the dead letters: {advice}")
