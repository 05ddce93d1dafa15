"""The one way to try again: a piece of work is repeated after errors that pass, with a growing random pause."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from django.db import IntegrityError, connection, transaction

from ingestion.conf import config
from ingestion.database import errors

T = TypeVar("T")
_LONGEST_PAUSE = 1.0


def retry(
    work: Callable[[], T],
    *,
    passes: Callable[[Exception], bool],
    pause: float,
    tries: int | None = None,
    reconnect: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `work`, at most `tries` times (BATCH_TRIES), until it returns; the last error is raised.

    `passes` says which errors are worth another try. The pauses start at `pause` seconds and double. With `reconnect`
    the database connection is closed before the next try, because the error may have left it unusable.
    Inside another transaction the work is tried once: the error has rolled back that transaction too.
    """
    tries = config().BATCH_TRIES if tries is None else tries
    for number in range(tries):
        try:
            return work()
        except Exception as error:
            if number + 1 == tries or connection.in_atomic_block or not passes(error):
                raise
            if reconnect and not isinstance(error, IntegrityError):  # a refused row leaves the connection sound
                connection.close()
        # The randomness parts two processes that failed because of each other.
        sleep(min(pause * 2**number * random.uniform(0.5, 1.5), _LONGEST_PAUSE))  # noqa: S311  jitter, not a secret
    raise AssertionError("unreachable: the last try returns or raises")


def retry_conflicts(
    work: Callable[[], T], sleep: Callable[[float], None] = time.sleep, *, transactional: bool = True
) -> T:
    """Run `work` in a transaction of its own, again when the database chose it as a deadlock's victim.

    Claims and ends of runs meet in the unique indexes of `active_key` and `slot_key`; on MariaDB a few in a thousand
    under eight racing processes end in a deadlock (measured). The victim has written nothing. A single statement needs
    no transaction around it, because it is one.
    """

    def attempt() -> T:
        with transaction.atomic() if transactional or connection.in_atomic_block else nullcontext():
            return work()

    return retry(attempt, passes=errors.is_conflict, pause=0.02, sleep=sleep)
