"""Short transactions about who runs what, tried again when the database chose them as a deadlock's victim.

Claims and ends meet in the unique indexes of `active_key` and `slot_key`; on MariaDB a few in a thousand under eight
racing processes end in a deadlock (measured). Nothing of the victim was written, so it simply tries again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

from django.db import OperationalError, connection, transaction

from ingestion.conf import config
from ingestion.database import errors

T = TypeVar("T")


def retried(work: Callable[[], T], sleep: Callable[[float], None] = time.sleep, *, transactional: bool = True) -> T:
    """`work` in a transaction of its own. Inside somebody else's it is tried once: that one was rolled back too.

    A single statement needs no transaction around it: it is one.
    """
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            with transaction.atomic() if transactional or connection.in_atomic_block else nullcontext():
                return work()
        except OperationalError as error:
            if not errors.is_conflict(error) or connection.in_atomic_block or tried == config().BATCH_TRIES:
                raise
        sleep(random.uniform(0, 0.02) * 2**tried)  # noqa: S311  jitter, not a secret
    raise AssertionError("unreachable: the last try returns or raises")
