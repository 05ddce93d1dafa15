"""Worker processes and the scheduler process, and what they may be asked to do."""

from __future__ import annotations

import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import django_rq
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from ingestion.conf import config
from ingestion.core.errors import Transient
from ingestion.queueing import lines
from ingestion.queueing.clients import absence, quick_queue
from ingestion.queueing.wake_ups import ALLOWED, EXECUTE, TICK

logger = logging.getLogger("ingestion")
_TICK_ID = "ingestion-tick"


class RunJob(Job):
    """A job in JSON that can only call our entry points; anything else planted in Redis fails here.

    RQ would import a callback by whatever name the job says, and enqueue what depends on it: we give no job either.
    """

    success_callback = failure_callback = stopped_callback = None

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:  # noqa: A002
        # rq-scheduler passes no serializer on, and RQ's own default is pickle, which our workers refuse to read.
        super().__init__(id, connection, serializer or JSONSerializer)

    @classmethod
    def fetch(cls, id: str, connection: Any = None, serializer: Any = None) -> Job:  # noqa: A002
        """As RQ's, but what cannot be read is no job: it would end every worker that meets it, also when RQ tidies.

        Nothing is lost: the tick sends another wake-up for a run that no worker executes.
        """
        try:
            return super().fetch(id, connection, serializer)
        except (NoSuchJobError, RedisAway, RedisTimeout):
            raise
        except Exception as error:
            if isinstance(error, RedisError) and not str(error).startswith("WRONGTYPE"):
                raise
            logger.warning("A job in the queue cannot be read (%s); it is left out.", type(error).__name__)
            raise NoSuchJobError(f"{type(error).__name__} while it was read.") from error

    def restore(self, raw_data: Any) -> None:
        """As RQ's, but a job is never executed again, whatever it says: the tick sends another wake-up."""
        super().restore(raw_data)
        self.retries_left = self.repeats_left = None

    def perform(self) -> Any:
        if self.func_name not in ALLOWED:
            raise PermissionError(f"{self.func_name} is not an entry point of this worker.")
        if self._success_callback_name or self._failure_callback_name or self._stopped_callback_name:
            raise PermissionError("A job of this worker has no callbacks.")
        if self._dependency_ids or self.dependent_ids:
            raise PermissionError("A job of this worker depends on no other, and none depends on it.")
        return super().perform()


class TickScheduler(Scheduler):  # type: ignore[misc]  # rq-scheduler has no types
    """rq-scheduler for our one entry, under keys of its own.

    The entry is JSON: a project's own scheduler on the same Redis would fail on it, and this one on pickled entries.
    """

    redis_scheduler_namespace_prefix = "ingestion:scheduler_instance:"
    scheduler_key = "ingestion:scheduler"
    scheduler_lock_key = "ingestion:scheduler_lock"
    scheduled_jobs_key = "ingestion:scheduler:scheduled_jobs"
    job_class = RunJob


class RunWorker(Worker):
    """An RQ worker whose child requeues its run when the worker is asked to stop."""

    job_class = RunJob
    watch: Callable[[int], None] | None = None
    """Called with the process id of a child that is at work, every `watch_every` seconds."""
    alive: Callable[[], object] | None = None
    """Called at each heartbeat of this worker to RQ."""
    killed: Callable[[Job, int, int | None], None] | None = None
    """Called with the job, process id and status of a child that did not end by itself."""
    watch_every = 30.0
    _next_watch = 0.0
    _job: Job | None = None

    def heartbeat(self, timeout: int | None = None, pipeline: Any = None) -> None:
        super().heartbeat(timeout, pipeline)
        if pipeline is None:  # else it is only sent later
            absence.over()
        if self.alive is not None and os.getpid() == self.pid:  # RQ calls this in each job's child too
            self.alive()

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        self._next_watch = time.monotonic() + self.watch_every
        self._job = job
        super().fork_work_horse(job, queue)

    def wait_for_horse(self) -> Any:
        """Wait as RQ does, and call `watch` while the child is at work."""
        while self.watch is not None and not _ended_within(self.horse_pid, self._next_watch - time.monotonic()):
            self._next_watch = time.monotonic() + self.watch_every
            with _undisturbed():
                self.watch(self.horse_pid)
        pid, status, usage = super().wait_for_horse()
        # Not when RQ says so: it asks Redis first whether the job has failed, which may be away or have lost the job.
        if status != os.EX_OK and self.killed is not None and self._job is not None:
            with _undisturbed():
                self.killed(self._job, self.horse_pid, status)
        return pid, status, usage

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        """Nothing: `killed` was called, and RQ's line would be another one about the same child."""

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """As RQ's, but for what says nothing of the run, which a line is enough for."""
        if not lines.log_failed_wake_up(job, exc_info[1]):
            super().handle_exception(job, *exc_info)

    def request_stop(self, signum: int, frame: Any) -> None:
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Block RQ's alarm, which would interrupt a query."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _ended_within(pid: int, seconds: float) -> bool:
    """Whether our child `pid` ends within `seconds`. The child is not reaped."""
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
    lost: Callable[[int, int, int | None], None],
    watch: Callable[[int], None] | None = None,
    watch_every: float = 30.0,
    alive: Callable[[], object] | None = None,
    burst: bool = False,
) -> None:
    """Serve one queue in this process until asked to stop.

    `watch(pid)` is called every `watch_every` seconds while a child is at work, `lost(run, pid, status)` when one was
    killed, and `alive()` at every heartbeat of the worker, some minutes apart while it is idle.

    One queue only: RQ loses a job when a worker that listens on several is killed after the pop (measured).
    """
    ensure_tick()
    queue = django_rq.get_queue(name)

    def child_killed(job: Job, pid: int, status: int | None) -> None:
        if job.func_name == EXECUTE:
            lost(int(job.args[0]), pid, status)

    lines.install()
    with _reachable(queue):
        worker = RunWorker(
            [queue],
            connection=queue.connection,
            serializer=JSONSerializer,
            job_class=RunJob,
        )
        worker.killed = child_killed
        worker.watch, worker.watch_every, worker.alive = watch, watch_every, alive
        worker.work(burst=burst, with_scheduler=False, logging_level="WARNING")


def schedule(*, burst: bool = False) -> None:
    """Send the tick to its queue whenever it is due, until asked to stop."""
    ensure_tick()
    queue = django_rq.get_queue(config().TICK_QUEUE)
    scheduler = TickScheduler(queue_name=queue.name, connection=queue.connection, interval=config().TICK_SECONDS)
    with _reachable(queue):
        scheduler.run(burst=burst)


@contextmanager
def _reachable(queue: Queue) -> Iterator[None]:
    """Raise Transient when Redis cannot be reached, and close the queue's connection afterwards."""
    try:
        yield
    except RedisError as error:
        raise Transient(f"Redis cannot be reached: {error}") from error
    finally:
        queue.connection.close()


def ensure_tick() -> None:
    """Make sure that rq-scheduler has its single entry; called by every worker start and every tick."""
    if absence.hangs:
        return
    try:
        queue = quick_queue(config().TICK_QUEUE)
        scheduler = TickScheduler(queue_name=queue.name, connection=queue.connection)
        interval = max(1, round(config().TICK_SECONDS))
        jobs = list(scheduler.get_jobs())  # it asks Redis only while it is gone through
        absence.over()
        if any(job.id == _TICK_ID and job.meta.get("interval") == interval for job in jobs):
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
        absence.note(error)
