"""Hints to workers over RQ: the only file that imports django_rq, rq and rq-scheduler.

A hint is a run's id and nothing else. Losing one costs time, never data: the tick sends hints again for every run that
is due. Nothing here decides correctness.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import django_rq
from django.db import transaction
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseTimeoutException
from rq_scheduler import Scheduler

from ingestion.conf import config
from ingestion.core.errors import Transient

logger = logging.getLogger("ingestion")

EXECUTE = "ingestion.jobs.execute"
TICK = "ingestion.jobs.tick"
ALLOWED = frozenset({EXECUTE, TICK})
"""Functions a worker of ours may be asked to call."""
_TICK_ID = "ingestion-tick"
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


_silent = _Silence()


def queue_of(tier: str) -> str:
    """The queue of a tenant tier; unknown tiers share the lowest one."""
    queues = config().QUEUES
    return queues.get(tier) or next(iter(queues.values()))


def hint(run_id: int, tier: str, fence: int) -> None:
    """After the current transaction commits, tell a worker that the run may be claimed. A dead Redis is only logged."""
    transaction.on_commit(lambda: _send(run_id, queue_of(tier), fence))


def _quick_queue(name: str) -> Queue:
    """For whoever must not wait: a request, a tick. redis-py would try each command again for seconds."""
    queue = django_rq.get_queue(name)
    if "USE_REDIS_CACHE" not in django_rq.settings.QUEUES[name]:  # that connection is the cache's, too
        queue.connection.set_retry(Retry(NoBackoff(), 0))
    return queue


def socket_timeout(name: str) -> float | None:
    """Seconds after which a Redis that accepts a command and never answers is given up; None: never."""
    pool: Any = django_rq.get_queue(name).connection.connection_pool
    return pool.connection_kwargs.get("socket_timeout")  # type: ignore[no-any-return]


def is_timeout(error: BaseException) -> bool:
    """RQ's own job timeout, an ordinary Exception that says nothing about any record."""
    return isinstance(error, BaseTimeoutException)


def _send(run_id: int, name: str, fence: int) -> None:
    if _silent:
        return
    try:
        queue = _quick_queue(name)
        # The fence is part of the id: the next claim's hint never overwrites a job that still executes.
        job_id = f"run-{run_id}-{fence}"
        if queue.get_job_position(job_id) is not None:
            return
        # job_timeout -1: deadlines are per batch and our own; result_ttl 0: nothing is kept of a job that ended.
        queue.enqueue(EXECUTE, run_id, job_id=job_id, job_timeout=-1, result_ttl=0, failure_ttl=86400)
    except (RedisError, OSError) as error:
        _silent.note(error)
        logger.warning(
            "Redis is not reachable (%s); the tick sends this hint again.",
            error,
            extra={"run_id": run_id, "event": "hint"},
        )


def client(timeout: float = 1.0) -> Redis:
    """A client of the queues' Redis that gives up after `timeout` seconds, for work that can do without it."""
    known = django_rq.get_queue(config().TICK_QUEUE).connection.connection_pool
    if type(known) is not ConnectionPool:  # Sentinel's: it looks up its server by itself
        return Redis(connection_pool=known)
    waits = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    return Redis(connection_pool=ConnectionPool(known.connection_class, **{**known.connection_kwargs, **waits}))


def workers(tier: str) -> int | None:
    """Worker processes that serve the queue of `tier`; None where Redis cannot be reached."""
    try:
        queue = django_rq.get_queue(queue_of(tier))
        return int(Worker.count(queue=queue))
    except (RedisError, OSError):
        return None


def depths() -> dict[str, int | None]:
    """Hints waiting in each queue; None where Redis cannot be reached."""
    found: dict[str, int | None] = {}
    for name in [*dict.fromkeys(config().QUEUES.values()), config().TICK_QUEUE]:
        try:
            found[name] = None if _silent else _quick_queue(name).count
        except (RedisError, OSError) as error:
            _silent.note(error)
            found[name] = None
    return found


@dataclass(frozen=True, slots=True)
class Served:
    """How a queue is looked after."""

    hints: int
    """Waiting in it."""
    workers: int
    """Registered for it; one that was killed counts for some minutes more."""


def served(name: str) -> Served | None:
    """What waits in the queue and how many workers serve it; None where Redis cannot be reached."""
    try:
        queue = django_rq.get_queue(name)
        return Served(queue.count, Worker.count(queue=queue))
    except (RedisError, OSError):
        return None


def eviction_policy() -> str | None:
    """What Redis does when its memory is full; None where it cannot be reached."""
    try:
        memory: Any = _quick_queue(config().TICK_QUEUE).connection.info("memory")
        return str(memory["maxmemory_policy"])
    except (RedisError, OSError, KeyError):
        return None


class RunJob(Job):
    """A job in JSON that can only call our entry points; anything else planted in Redis fails here."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:  # noqa: A002
        # rq-scheduler passes no serializer on, and RQ's own default is pickle, which our workers refuse to read.
        super().__init__(id, connection, serializer or JSONSerializer)

    def perform(self) -> Any:
        if self.func_name not in ALLOWED:
            raise PermissionError(f"{self.func_name} is not an entry point of this worker.")
        return super().perform()


class TickScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no types
    """rq-scheduler for our one entry, under keys of its own.

    The entry is JSON: a project's own scheduler on the same Redis would end at it, and ours at that one's pickles.
    """

    redis_scheduler_namespace_prefix = "ingestion:scheduler_instance:"
    scheduler_key = "ingestion:scheduler"
    scheduler_lock_key = "ingestion:scheduler_lock"
    scheduled_jobs_key = "ingestion:scheduler:scheduled_jobs"
    job_class = RunJob


class RunWorker(Worker):
    """An RQ worker whose child gives its run back when the worker is asked to stop."""

    job_class = RunJob
    watch: Callable[[int], None] | None = None
    """Called with the process id of a child that is at work, every `watch_every` seconds."""
    watch_every = 30.0
    _look_at = 0.0

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        self._look_at = time.monotonic() + self.watch_every
        super().fork_work_horse(job, queue)

    def wait_for_horse(self) -> Any:
        """As RQ's, which an alarm interrupts now and then; and look at the child while it is at work."""
        while self.watch is not None and not _ends_within(self.horse_pid, self._look_at - time.monotonic()):
            self._look_at = time.monotonic() + self.watch_every
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # it would end a query half-way
            try:
                self.watch(self.horse_pid)
            finally:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        return super().wait_for_horse()

    def request_stop(self, signum: int, frame: Any) -> None:
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def _ends_within(pid: int, seconds: float) -> bool:
    """Whether our child `pid` ends in this time. It is not reaped."""
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(max(0.0, seconds) * 1000))
        finally:
            os.close(descriptor)
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
    return True


def work(
    name: str,
    *,
    lost: Callable[[int, int], None],
    watch: Callable[[int], None] | None = None,
    watch_every: float = 30.0,
    burst: bool = False,
) -> None:
    """Serve one queue in this process until asked to stop.

    `watch(pid)` is called every `watch_every` seconds while a child is at work, `lost(run, pid)` when one was killed.

    One queue only: RQ loses a job when a worker that listens on several is killed after the pop (measured).
    """
    ensure_tick()
    queue = django_rq.get_queue(name)

    def child_killed(job: Job, pid: int, status: int, usage: Any) -> None:
        if job.func_name == EXECUTE:
            lost(int(job.args[0]), pid)

    with _reachable():
        worker = RunWorker(
            [queue],
            connection=queue.connection,
            serializer=JSONSerializer,
            job_class=RunJob,
            work_horse_killed_handler=child_killed,
        )
        worker.watch, worker.watch_every = watch, watch_every
        worker.work(burst=burst, with_scheduler=False, logging_level="WARNING")


def schedule(*, burst: bool = False) -> None:
    """Send the tick to its queue whenever it is due, until asked to stop."""
    ensure_tick()
    queue = django_rq.get_queue(config().TICK_QUEUE)
    scheduler = TickScheduler(queue_name=queue.name, connection=queue.connection, interval=config().TICK_SECONDS)
    with _reachable():
        scheduler.run(burst=burst)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise Transient(f"Redis cannot be reached: {error}") from error


def ensure_tick() -> None:
    """Make sure that rq-scheduler has its single entry; called by every worker start and every tick."""
    if _silent:
        return
    try:
        queue = _quick_queue(config().TICK_QUEUE)
        scheduler = TickScheduler(queue_name=queue.name, connection=queue.connection)
        interval = max(1, round(config().TICK_SECONDS))
        if any(job.id == _TICK_ID and job.meta.get("interval") == interval for job in scheduler.get_jobs()):
            return
        scheduler.schedule(
            scheduled_time=datetime.now(UTC).replace(tzinfo=None),
            func=TICK,
            interval=interval,
            id=_TICK_ID,
            result_ttl=-1,
            queue_name=queue.name,
        )
    except (RedisError, OSError) as error:
        _silent.note(error)
        logger.warning("Redis is not reachable (%s); `manage.py ingest tick --loop` works without it.", error)
