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
from ingestion.running.watchdog import ChildProgress, Verdict, end, look_every, renew_for_child
from ingestion.vault import key_holders

logger = logging.getLogger("ingestion")
_stopping = threading.Event()
_pulse = ChildProgress()
"""Shared by a worker and the child that it forks for a run."""


def execute(run_id: int) -> str | None:
    """Carry one run; SIGTERM gives it back at the next batch boundary.

    RQ stores and logs the text of what escapes, so no secret may be in it.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: _stopping.set())
    try:
        with redaction.safely():
            state = execute_run(run_id, Hooks(stop=_stopping.is_set, on_progress=_pulse.beat))
        if state in (Run.State.SUCCEEDED, Run.State.PARTIAL):
            _go_on(run_id)
        return state
    finally:
        _pulse.clear()


def _go_on(run_id: int) -> None:
    """The run has ended well, whatever happens here; what is left undone the next tick does."""
    try:
        scheduling.go_on(run_id)
    except (Error, UnknownPipeline) as error:
        logger.warning("After run %s: %s", run_id, error, extra={"run_id": run_id, "event": "tick"})


def tick() -> int:
    """One tick, when rq-scheduler drives it; how many runs it made, took over or sent a wake-up for again."""
    return scheduling.tick().total


def reconcile(connection_id: int) -> int:
    """Check the closed periods of a connection that are due; how many were."""
    with redaction.safely():
        return reconciling.carry(connection_id)


def work(queue: str, *, burst: bool = False) -> None:
    """Serve one queue in this process until asked to stop, or until it is empty; see `queueing.work`."""
    _pulse.part()
    alive = partial(key_holders.announce, "worker")
    queueing.work(queue, lost=lost, watch=watch, watch_every=look_every(), alive=alive, burst=burst)


def watch(pid: int) -> None:
    """Called by the worker while its child `pid` is at work: vouch for it, or end it when it is stuck."""
    try:
        if renew_for_child(_pulse, pid) is Verdict.STUCK:
            end(_pulse, pid)
    except Error as error:  # mostly the child's own lock; while it holds that, nobody can take the run over
        logger.info("The lease of a busy child could not be renewed: %s", error, extra={"event": "watch"})
    finally:
        connections.close_all()  # the next child must not inherit this connection


def lost(run_id: int, pid: int) -> None:
    """The worker's child `pid` was killed: the next tick may take its run over without waiting for the lease."""
    try:
        if expire(run_id, pid):
            scheduling.tick()
    except Error as error:
        # This runs in the worker itself, which must outlive an outage; the lease ends by itself.
        logger.warning("Run %s waits for its lease: %s", run_id, error, extra={"run_id": run_id, "event": "lost"})
    finally:
        connections.close_all()  # the next child must not inherit this connection
