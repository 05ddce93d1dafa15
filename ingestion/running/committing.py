"""Commits a batch in spite of a database that is away for a moment or loses its answer."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

from ingestion.conf import config
from ingestion.core.errors import DestinationUnavailable
from ingestion.database import errors
from ingestion.database.retrying import retry
from ingestion.dead_letters.lookup import OpenDeadLetters
from ingestion.running import claims
from ingestion.running.execution import Execution

_PAUSE = 0.2
"""Seconds before the second try."""


def commit_with_retries(execution: Execution, commit: Callable[[], None]) -> None:
    """Call `commit` until the batch is committed. Raises DestinationUnavailable when the database stays away."""
    extended_at = execution.claim.extended_at
    failed = False

    def attempt() -> None:
        nonlocal failed
        if failed and _is_committed(execution):
            return
        try:
            commit()
        except Exception:
            failed = True
            execution.claim.extended_at = extended_at  # the lease that the batch extended was rolled back with it
            raise

    try:
        # After MySQL's error 1205 the server keeps the transaction open: closing the connection rolls it back.
        retry(attempt, passes=errors.is_transient, pause=_PAUSE, reconnect=True, sleep=execution.hooks.sleep)
    except Exception as error:
        if not errors.is_transient(error):
            raise
        connection.close()
        tries = config().BATCH_TRIES
        raise DestinationUnavailable(f"The database did not take the batch in {tries} tries: {error}") from error


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
        return True

    return retry(attempt, passes=errors.is_transient, pause=_PAUSE, reconnect=True, sleep=execution.hooks.sleep)
