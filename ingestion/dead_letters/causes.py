"""Why records were rejected, in a line for lists, pages and commands."""

from __future__ import annotations

from ingestion.core.text import counted
from ingestion.dead_letters.writing import about
from ingestion.models import DeadLetter, Run


def cause(errors: object, longest: int = 80) -> str:
    """The first error of a dead letter in one line, and how many more there are; '' where none was recorded."""
    if not isinstance(errors, list) or not errors or not isinstance(errors[0], dict):
        return ""
    path, message = str(errors[0].get("path", "")), str(errors[0].get("message", ""))
    line = f"{path}: {message}" if path else message
    shortened = line if len(line) <= longest else f"{line[: longest - 1]}…"
    return f"{shortened} (+{len(errors) - 1})" if len(errors) > 1 else shortened


def first_open_of(run: Run) -> DeadLetter | None:
    """The run's oldest open dead letter that no later run has seen, without its payload."""
    dead_letters = DeadLetter.objects.for_tenant(run.tenant_id).filter(run=run, status__in=DeadLetter.OPEN)
    return dead_letters.defer("payload").order_by("pk").first()


def seen_by_other_runs(run: Run) -> tuple[str, bool]:
    """Where the run's dead letters are when other runs have seen them all since: a sentence, and whether
    `ingest list dead-letters --run` still lists some of them. ('', False) where the run rejected nothing.
    """
    if not run.dead:
        return "", False
    sentence = counted(run.dead, "record of this run became a dead letter", "records of this run became dead letters")
    if about(run).exists():
        return f"{sentence}, seen by other runs since", True
    return f"{sentence}, seen by other runs before and since: look under the last run that saw the same", False
