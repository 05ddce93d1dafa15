"""Wake-ups: a run's id in a queue, sent after the commit, without waiting for a Redis that hangs."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from redis.exceptions import RedisError
from rq.timeouts import BaseTimeoutException

from ingestion.conf import config
from ingestion.queueing.clients import absence, quick_queue

EXECUTE = "ingestion.jobs.execute"
TICK = "ingestion.jobs.tick"
RECONCILE = "ingestion.jobs.reconcile"
ALLOWED = frozenset({EXECUTE, RECONCILE, TICK})
"""The functions that a worker of this package may call."""


def queue_of(tier: str) -> str:
    """The queue of a tenant tier; unknown tiers share the lowest one."""
    queues = config().QUEUES
    return queues.get(tier) or next(iter(queues.values()))


def wake(run_id: int, tier: str, fence: int, *, unsent: list[int] | None = None) -> None:
    """After the current transaction commits, tell a worker that the run may be claimed. A dead Redis is only logged.

    The run's id is then put into `unsent` where there is such a list.
    """

    def send() -> None:
        # The fence is part of the id: the next claim's wake-up never overwrites a job that still executes.
        is_there = _send(EXECUTE, run_id, queue_of(tier), f"run-{run_id}-{fence}")
        if not is_there and unsent is not None:
            unsent.append(run_id)

    transaction.on_commit(send)


def wake_for_periods(connection_id: int, tier: str) -> None:
    """After the current transaction commits, tell a worker to check a connection's closed periods."""
    transaction.on_commit(lambda: _send(RECONCILE, connection_id, queue_of(tier), f"periods-{connection_id}"))


def is_timeout(error: BaseException) -> bool:
    """Whether `error` is RQ's job timeout, which no record causes."""
    return isinstance(error, BaseTimeoutException)


def _send(function: str, subject: int, name: str, job_id: str) -> bool:
    """Send one job, unless a job with this `job_id` is waiting; whether it waits now."""
    if absence.hangs:
        return False
    try:
        queue = quick_queue(name)
        is_waiting = queue.get_job_position(job_id) is not None
        absence.over()
        if is_waiting:
            return True
        # job_timeout -1: the engine has deadlines of its own; result_ttl 0: nothing is kept of a job that ended.
        queue.enqueue(function, subject, job_id=job_id, job_timeout=-1, result_ttl=0, failure_ttl=86400)
    except (RedisError, OSError) as error:
        fields: dict[str, Any] = {"run_id": subject} if function == EXECUTE else {}
        absence.note(error, **fields)
        return False
    return True
