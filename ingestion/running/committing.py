"""A batch's transaction, tried until it lands: what passes is waited out, and a lost answer is looked up."""

from __future__ import annotations

import random
from collections.abc import Callable

from django.db import connection

from ingestion.conf import config
from ingestion.core.errors import DestinationUnavailable
from ingestion.database import errors
from ingestion.dead_letters.lookup import OpenLetters
from ingestion.running import claims
from ingestion.running.execution import Work


def until_it_lands(work: Work, commit: Callable[[], None]) -> None:
    """Commit, trying again after faults that pass. Raises DestinationUnavailable when they do not."""
    extended = work.mine.extended
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            commit()
            return
        except Exception as error:
            work.mine.extended = extended  # what was rolled back extended no lease
            if not errors.is_transient(error):
                raise
            connection.close()  # also rolls back: after MySQL's error 1205 the server keeps the open transaction
            if tried == config().BATCH_TRIES:
                raise DestinationUnavailable(
                    f"The database did not take the batch in {tried} tries: {error}"
                ) from error
            work.seams.sleep(random.uniform(0.05, 0.15) * 2**tried)  # noqa: S311  jitter, not a secret
        if _landed(work):
            return


def _landed(work: Work) -> bool:
    """Whether the batch arrived although its connection died while the commit was under way.

    Asked until the database answers: to commit again a batch that did arrive would look like being fenced.
    """
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            if not claims.landed(work.mine):
                return False
            work.run.refresh_from_db(fields=["tally", "read", "dead", "skip_reasons", "left_out", "proofs"])
            work.read, work.dead = work.run.read, work.run.dead
            work.open_letters = OpenLetters.of(work.run)
        except Exception as error:
            if not errors.is_transient(error):
                raise
            connection.close()
            work.seams.sleep(0.1 * 2**tried)
        else:
            return True
    return False


def keep_lease(work: Work) -> None:
    """Between two attempts at a batch: loading it once may have taken most of the lease, and nothing of it stayed."""
    if work.mine.is_due():
        claims.renew(work.mine)
