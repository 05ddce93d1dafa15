"""What RQ calls. Arguments are ids; everything else comes from the database."""

from __future__ import annotations

import logging
import signal
import threading
from functools import partial

from django.db import Error, connections

from ingestion import queueing, reconciling, redaction, scheduling
from ingestion.core.errors import UnknownPipeline
from ingestion.models import Run
from ingestion.running import Hooks
from ingestion.running import execute as execute_run
from ingestion.running.claims import expire
from ingestion.running.watchdog import ChildCheck, ChildProgress, check_every, kill_stuck_child, renew_for_child
from ingestion.vault import key_holders

logger = logging.getLogger("ingestion")
_stopping = threading.Event()
_child_progress = ChildProgress()
"""Shared by a worker and the child that it forks for a run."""


def execute(run_id: int) -> str | None:
    """Execute one run; on SIGTERM it is requeued at the next batch boundary.

    RQ stores and logs the text of an error that escapes, so it must hold no secret.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: _stopping.set())
    try:
        with redaction.safely():
            state = execute_run(run_id, Hooks(stop=_stopping.is_set, on_progress=_child_progress.beat))
        if state in (Run.State.SUCCEEDED, Run.State.PARTIAL):
            _make_next_run(run_id)
        return state
    finally:
        _child_progress.clear()


def _make_next_run(run_id: int) -> None:
    """Make the run of the next missed period. The run before it has succeeded, so failures are only logged."""
    try:
        scheduling.make_next_missed_run(run_id)
    except (Error, UnknownPipeline) as error:
        logger.warning("After run %s: %s", run_id, error, extra={"run_id": run_id, "event": "tick"})


def tick() -> int:
    """One tick of rq-scheduler; how many runs it made, took over or sent a wake-up for again."""
    return scheduling.tick().total


def reconcile(connection_id: int) -> int:
    """Check the closed periods of a connection that are due; how many they were."""
    with redaction.safely():
        return reconciling.check_due_periods(connection_id)


def work(queue: str, *, burst: bool = False) -> None:
    """Serve one queue in this process until asked to stop, or until it is empty; see `queueing.work`."""
    _child_progress.detach()
    alive = partial(key_holders.announce, "worker")
    queueing.work(queue, lost=lost, watch=watch, watch_every=check_every(), alive=alive, burst=burst)


def watch(pid: int) -> None:
    """Renew the lease of the worker's busy child `pid`, or kill the child when it is stuck."""
    try:
        if renew_for_child(_child_progress, pid) is ChildCheck.STUCK:
            kill_stuck_child(_child_progress, pid)
    except Error as error:  # mostly a lock of the child; while the child holds it, no worker can take the run over
        logger.info("The lease of a busy child could not be renewed: %s", error, extra={"event": "watch"})
    finally:
        connections.close_all()  # the next child must not inherit this connection


def lost(run_id: int, pid: int) -> None:
    """End the lease of a run whose process, the worker's child `pid`, was killed; another worker may take it over."""
    try:
        if expire(run_id, pid):
            scheduling.tick()
    except Error as error:
        # This is the worker's own process, which must survive an outage; the lease ends by itself.
        logger.warning("Run %s waits for its lease: %s", run_id, error, extra={"run_id": run_id, "event": "lost"})
    finally:
        connections.close_all()  # the next child must not inherit this connection
