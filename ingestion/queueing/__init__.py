"""Hints to workers over RQ: the only package that imports django_rq, rq and rq-scheduler.

A hint is a run's id and nothing else. Losing one costs time, never data: the tick sends hints again for every run that
is due. Nothing here decides correctness.

connecting  to Redis, and its absence   hints  sending them   asking  how queues are looked after   processes  workers
announcing  what live processes say of themselves
"""

from ingestion.queueing.clients import Absence, absence, client
from ingestion.queueing.inspection import Served, depths, eviction_policy, served, socket_timeout, workers
from ingestion.queueing.live_processes import (
    KEPT_SECONDS,
    Announcement,
    Process,
    announce,
    announcements,
    registered_workers,
    this_process,
)
from ingestion.queueing.wake_ups import ALLOWED, EXECUTE, RECONCILE, TICK, hint, hint_periods, is_timeout, queue_of
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
    "RunJob",
    "RunWorker",
    "Served",
    "TickScheduler",
    "absence",
    "announce",
    "announcements",
    "client",
    "depths",
    "ensure_tick",
    "eviction_policy",
    "hint",
    "hint_periods",
    "is_timeout",
    "queue_of",
    "registered_workers",
    "schedule",
    "served",
    "socket_timeout",
    "this_process",
    "work",
    "workers",
]
