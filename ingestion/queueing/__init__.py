"""Wake-ups to workers over RQ: the only package that imports django_rq, rq and rq-scheduler.

A wake-up is a run's id and nothing else. Losing one costs time, never data: the tick sends wake-ups again for every run
that is due. Nothing here decides correctness.

clients           the clients of Redis, and its absence
wake_ups          sending wake-ups
inspection        the length of queues and their workers
worker_processes  serving queues
lines             what RQ logs
live_processes    what live processes announce about themselves
"""

from ingestion.queueing.clients import Absence, absence, client
from ingestion.queueing.inspection import QueueStatus, depths, eviction_policy, queue_status, socket_timeout, workers
from ingestion.queueing.live_processes import (
    KEPT_SECONDS,
    Announcement,
    Process,
    announce,
    announcements,
    registered_workers,
    this_process,
)
from ingestion.queueing.wake_ups import ALLOWED, EXECUTE, RECONCILE, TICK, is_timeout, queue_of, wake, wake_for_periods
from ingestion.queueing.worker_processes import RunJob, RunWorker, TickScheduler, ensure_tick, schedule, work

__all__ = [
    "ALLOWED",
    "EXECUTE",
    "KEPT_SECONDS",
    "RECONCILE",
    "TICK",
    "Absence",
    "Announcement",
    "Process",
    "QueueStatus",
    "RunJob",
    "RunWorker",
    "TickScheduler",
    "absence",
    "announce",
    "announcements",
    "client",
    "depths",
    "ensure_tick",
    "eviction_policy",
    "is_timeout",
    "queue_of",
    "queue_status",
    "registered_workers",
    "schedule",
    "socket_timeout",
    "this_process",
    "wake",
    "wake_for_periods",
    "work",
    "workers",
]
