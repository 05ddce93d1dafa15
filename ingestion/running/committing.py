"""A batch's transaction, tried until it lands: what passes is waited out, and a lost answer is looked up."""

from __future__ import annotations

import random
from collections.abc import Callable

from django.db import connection

from ingestion.conf import config
from ingestion.core.errors import DestinationUnavailable
from ingestion.database import errors
from ingestion.dead_letters.lookup import OpenDeadLetters
from ingestion.running import claims
from ingestion.running.execution import Execution


def until_it_lands(execution: Execution, commit: Callable[[], None]) -> None:
    """Commit, trying again after faults that pass. Raises DestinationUnavailable when they do not."""
    extended = execution.claim.extended
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            commit()
            return
        except Exception as error:
            execution.claim.extended = extended  # what was rolled back extended no lease
            if not errors.is_transient(error):
                raise
            connection.close()  # also rolls back: after MySQL's error 1205 the server keeps the open transaction
            if tried == config().BATCH_TRIES:
                raise DestinationUnavailable(
                    f"The database did not take the batch in {tried} tries: {error}"
                ) from error
            execution.hooks.sleep(random.uniform(0.05, 0.15) * 2**tried)  # noqa: S311  jitter, not a secret
        if _landed(execution):
            return


def _landed(execution: Execution) -> bool:
    """Whether the batch arrived although its connection died while the commit was under way.

    Asked until the database answers: to commit again a batch that did arrive would look like being fenced.
    """
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            if not claims.landed(execution.claim):
                return False
            execution.run.refresh_from_db(fields=["tally", "read", "dead", "skip_reasons", "left_out", "proofs"])
            execution.read, execution.dead = execution.run.read, execution.run.dead
            execution.open_dead_letters = OpenDeadLetters.of(execution.run)
        except Exception as error:
            if not errors.is_transient(error):
                raise
            connection.close()
            execution.hooks.sleep(0.1 * 2**tried)
        else:
            return True
    return False


def keep_lease(execution: Execution) -> None:
    """Between two attempts at a batch: loading it once may have taken most of the lease, and nothing of it stayed."""
    if execution.claim.is_due():
        claims.renew(execution.claim)
