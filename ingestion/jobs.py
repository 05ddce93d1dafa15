"""What RQ calls. Arguments are ids; everything else comes from the database."""

from __future__ import annotations

import logging
import os
import signal
import threading
from functools import partial

from django.db import Error, connections

from ingestion import events, queueing, reconciling, redaction, scheduling
from ingestion.core.errors import UnknownPipeline
from ingestion.core.text import first_line
from ingestion.database import errors
from ingestion.models import Event, Run
from ingestion.running import Hooks
from ingestion.running import execute as execute_run
from ingestion.running.claims import expire, hostname
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
    except Error as error:
        if not errors.is_away(error):
            raise
        why = "Run %s is left to its lease, after which another process takes it over: %s"
        logger.warning(why, run_id, first_line(error), extra={"run_id": run_id, "event": "lost"})
        return None
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


def lost(run_id: int, pid: int, status: int | None) -> None:
    """End the lease of a run whose process, the worker's child `pid`, was killed; another worker may take it over."""
    try:
        run = Run.unscoped.get(pk=run_id)
        if expire(run_id, pid):
            _tell_loss(run, pid, status)
            scheduling.tick()
        elif run.worker_pid == pid and run.host == hostname() and run.state in Run.TERMINAL:
            text = "%s: its process %s ended (%s) after that, perhaps before it could say so"
            logger.info(text, run.state, pid, _ending(status), extra=events.fields(run, run.state))
    except Error as error:
        # This is the worker's own process, which must survive an outage; the lease ends by itself.
        logger.warning("Run %s waits for its lease: %s", run_id, error, extra={"run_id": run_id, "event": "lost"})
    finally:
        connections.close_all()  # the next child must not inherit this connection


def _tell_loss(run: Run, pid: int, status: int | None) -> None:
    """On the run's timeline, unless it says already that its worker ended the process."""
    if Event.unscoped.filter(run=run).order_by("-pk").values_list("name", flat=True).first() == "stuck":
        return
    text = f"Process {pid} on {run.host} ended ({_ending(status)}) under claim {run.fence}, after batch {run.batches}"
    events.record(run, "lost", f"{text}; another one takes the run over.", pid=pid)


def _ending(status: int | None) -> str:
    """How a process ended whose status waitpid gave, if it did."""
    if status is None:
        return "nobody knows how"
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
