"""Commits a batch in spite of a database that is away for a moment or loses its answer."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from ingestion import events
from ingestion.conf import config
from ingestion.core.errors import DestinationUnavailable
from ingestion.core.text import first_line
from ingestion.database import errors
from ingestion.database.retrying import retry
from ingestion.dead_letters.lookup import OpenDeadLetters
from ingestion.redaction import mask
from ingestion.running import claims
from ingestion.running.execution import Execution

_PAUSE = 0.2
"""Seconds before the second try."""


def commit_with_retries(execution: Execution, commit: Callable[[], None]) -> None:
    """Call `commit` until the batch is committed. Raises DestinationUnavailable when the database stays away."""
    extended_at = execution.claim.extended_at
    failed, tries = False, 0

    def attempt() -> None:
        nonlocal failed, tries
        if failed and _is_committed(execution):
            return
        try:
            commit()
        except Exception as error:
            failed = True
            execution.claim.extended_at = extended_at  # the lease that the batch extended was rolled back with it
            if errors.is_transient(error):
                tries += 1
                _log_rollback(execution, tries, error)
            raise

    try:
        # After MySQL's error 1205 the server keeps the transaction open: closing the connection rolls it back.
        retry(attempt, passes=errors.is_transient, pause=_PAUSE, reconnect=True, sleep=execution.hooks.sleep)
    except Exception as error:
        if not errors.is_transient(error):
            raise
        connection.close()
        raise DestinationUnavailable(f"The database did not take the batch in {tries} tries: {error}") from error


def _log_rollback(execution: Execution, tries: int, error: Exception) -> None:
    """Log a failed try. It is no event of the run: what the batch was to write was rolled back."""
    events.logger.info(
        "batch %s was rolled back, try %s of %s: %s",
        execution.claim.batches + 1,
        tries,
        config().BATCH_TRIES,
        mask(first_line(error), execution.run.tenant_id),
        extra=events.fields(execution.run, "rolled back"),
    )


def _is_committed(execution: Execution) -> bool:
    """Whether the batch was committed although its connection died during COMMIT; if so, read what it wrote.

    The question is repeated until the database answers: committing the batch a second time would look as if another
    worker had fenced this one.
    """

    def attempt() -> bool:
        if not claims.is_committed(execution.claim):
            return False
        execution.run.refresh_from_db(fields=["tally", "read", "dead", "skip_reasons", "left_out", "proofs"])
        execution.read, execution.dead = execution.run.read, execution.run.dead
        execution.open_dead_letters = OpenDeadLetters.of(execution.run)
        text = "batch %s had been committed, only the answer was lost"
        events.logger.info(text, execution.claim.batches + 1, extra=events.fields(execution.run, "batch"))
        return True

    return retry(attempt, passes=errors.is_transient, pause=_PAUSE, reconnect=True, sleep=execution.hooks.sleep)
