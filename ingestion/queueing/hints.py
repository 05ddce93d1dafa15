"""Hints: a run's id in a queue, sent after the commit, and a Redis that hangs is not waited for."""

from __future__ import annotations

import logging
import time

import django_rq
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from rq import Queue
from rq.timeouts import BaseTimeoutException

from ingestion.conf import config

logger = logging.getLogger("ingestion")

EXECUTE = "ingestion.jobs.execute"
TICK = "ingestion.jobs.tick"
RECONCILE = "ingestion.jobs.reconcile"
ALLOWED = frozenset({EXECUTE, RECONCILE, TICK})
"""Functions a worker of ours may be asked to call."""
_SILENCE_SECONDS = 5.0
"""How long a Redis that did not answer in time is not asked again: each of a tick's hints would wait anew."""


class _Silence:
    """Whether Redis just let this process wait for nothing. One that refuses the connection is quick and no silence."""

    until = 0.0

    def note(self, error: Exception) -> None:
        if isinstance(error, RedisTimeout | TimeoutError):
            self.until = time.monotonic() + _SILENCE_SECONDS

    def __bool__(self) -> bool:
        return time.monotonic() < self.until


silent = _Silence()


def queue_of(tier: str) -> str:
    """The queue of a tenant tier; unknown tiers share the lowest one."""
    queues = config().QUEUES
    return queues.get(tier) or next(iter(queues.values()))


def hint(run_id: int, tier: str, fence: int) -> None:
    """After the current transaction commits, tell a worker that the run may be claimed. A dead Redis is only logged."""
    # The fence is part of the id: the next claim's hint never overwrites a job that still executes.
    transaction.on_commit(lambda: _send(EXECUTE, run_id, queue_of(tier), f"run-{run_id}-{fence}"))


def hint_periods(connection_id: int, tier: str) -> None:
    """After the current transaction commits, tell a worker to check a connection's closed periods."""
    transaction.on_commit(lambda: _send(RECONCILE, connection_id, queue_of(tier), f"periods-{connection_id}"))


def quick_queue(name: str) -> Queue:
    """For whoever must not wait: a request, a tick. redis-py would try each command again for seconds."""
    queue = django_rq.get_queue(name)
    if "USE_REDIS_CACHE" not in django_rq.settings.QUEUES[name]:  # that connection is the cache's, too
        queue.connection.set_retry(Retry(NoBackoff(), 0))
    return queue


def is_timeout(error: BaseException) -> bool:
    """RQ's own job timeout, an ordinary Exception that says nothing about any record."""
    return isinstance(error, BaseTimeoutException)


def _send(function: str, subject: int, name: str, job_id: str) -> None:
    """One job a `job_id`: while that one waits, it is not sent again."""
    if silent:
        return
    try:
        queue = quick_queue(name)
        if queue.get_job_position(job_id) is not None:
            return
        # job_timeout -1: deadlines are per batch and our own; result_ttl 0: nothing is kept of a job that ended.
        queue.enqueue(function, subject, job_id=job_id, job_timeout=-1, result_ttl=0, failure_ttl=86400)
    except (RedisError, OSError) as error:
        silent.note(error)
        logger.warning(
            "Redis is not reachable (%s); the tick sends this hint again.",
            error,
            extra={"event": "hint", **({"run_id": subject} if function == EXECUTE else {})},
        )


def client(timeout: float = 1.0) -> Redis:
    """A client of the queues' Redis that gives up after `timeout` seconds, for work that can do without it."""
    known = django_rq.get_queue(config().TICK_QUEUE).connection.connection_pool
    if type(known) is not ConnectionPool:  # Sentinel's: it looks up its server by itself
        return Redis(connection_pool=known)
    waits = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    return Redis(connection_pool=ConnectionPool(known.connection_class, **{**known.connection_kwargs, **waits}))
