"""Why records were rejected, in a line for lists, pages and commands."""

from __future__ import annotations

from ingestion.core.text import counted
from ingestion.dead_letters.writing import about
from ingestion.models import DeadLetter, Run


def cause(errors: object, longest: int = 80) -> str:
    """The first of a dead letter's errors in a line, and how many more there are; '' where none was recorded."""
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return ""
    path, message = str(errors[0].get("path", "")), str(errors[0].get("message", ""))
    line = f"{path}: {message}" if path else message
    shown = line if len(line) <= longest else f"{line[: longest - 1]}…"
    return f"{shown} (+{len(errors) - 1})" if len(errors) > 1 else shown


def first_of(run: Run) -> DeadLetter | None:
    """The oldest open letter that the run wrote or saw again, and no later run has seen; without its payload."""
    dead_letters = DeadLetter.objects.for_tenant(run.tenant_id).filter(run=run, status__in=DeadLetter.OPEN)
    return dead_letters.defer("payload").order_by("pk").first()


def elsewhere(run: Run) -> tuple[str, bool]:
    """What became of the run's dead letters where none of them is its own any more: a sentence, and whether
    `ingest list dead-letters --run` lists some of them all the same. ('', False) where it rejected nothing.
    """
    if not run.dead:
        return "", False
    became = counted(run.dead, "record of this run became a dead letter", "records of this run became dead letters")
    if about(run).exists():
        return f"{became}, seen by other runs since", True
    return f"{became}, seen by other runs before and since: look under the last run that saw the same", False
