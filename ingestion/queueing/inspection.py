"""The length of the queues and the number of their workers; None where Redis does not answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import django_rq
from redis.exceptions import RedisError
from rq import Worker

from ingestion.conf import config
from ingestion.queueing.clients import absence, quick_queue
from ingestion.queueing.wake_ups import queue_of


def socket_timeout(name: str) -> float | None:
    """Seconds after which a Redis that accepts a command and never answers is given up; None: never."""
    pool: Any = django_rq.get_queue(name).connection.connection_pool
    return pool.connection_kwargs.get("socket_timeout")  # type: ignore[no-any-return]


def depths() -> dict[str, int | None]:
    """Wake-ups waiting in each queue; None where Redis cannot be reached."""
    lengths: dict[str, int | None] = {}
    for name in [*dict.fromkeys(config().QUEUES.values()), config().TICK_QUEUE]:
        try:
            lengths[name] = None if absence.hangs else quick_queue(name).count
        except (RedisError, OSError) as error:
            absence.note(error, quiet=True)
            lengths[name] = None
    return lengths


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """What waits in a queue, and how many workers serve it."""

    wake_ups: int
    """Wake-ups that wait in the queue."""
    workers: int
    """Workers registered for it; one that was killed counts for some minutes more."""


def queue_status(name: str) -> QueueStatus | None:
    """What waits in the queue and how many workers serve it; None where Redis cannot be reached."""
    if absence.hangs:
        return None
    try:
        queue = quick_queue(name)
        return QueueStatus(queue.count, Worker.count(queue=queue))
    except (RedisError, OSError) as error:
        absence.note(error, quiet=True)
        return None


def eviction_policy() -> str | None:
    """What Redis does when its memory is full; None where it cannot be reached."""
    try:
        memory: Any = quick_queue(config().TICK_QUEUE).connection.info("memory")
        return str(memory["maxmemory_policy"])
    except (RedisError, OSError, KeyError):
        return None


def workers(tier: str) -> int | None:
    """Worker processes that serve the queue of `tier`; None where Redis cannot be reached."""
    status = queue_status(queue_of(tier))
    return status.workers if status is not None else None
