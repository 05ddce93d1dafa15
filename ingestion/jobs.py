"""What RQ calls. Arguments are ids; everything else comes from the database."""

from __future__ import annotations

import logging
import signal
import threading

from django.db import DatabaseError, connections

from ingestion import redaction, scheduling
from ingestion.running import Seams
from ingestion.running import execute as execute_run
from ingestion.running.ownership import expire

logger = logging.getLogger("ingestion")
_stopping = threading.Event()


def execute(run_id: int) -> str | None:
    """Carry one run; SIGTERM gives it back at the next batch boundary.

    RQ stores and logs the text of what escapes, so no secret may be in it.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: _stopping.set())
    with redaction.safely():
        return execute_run(run_id, Seams(stop=_stopping.is_set))


def tick() -> int:
    """One tick, when rq-scheduler drives it; how many runs it made, took over or hinted again."""
    return scheduling.tick().total


def lost(run_id: int, pid: int) -> None:
    """The worker's child `pid` was killed: the next tick may take its run over without waiting for the lease."""
    try:
        if expire(run_id, pid):
            scheduling.tick()
    except DatabaseError as error:
        # This runs in the worker itself, which must outlive an outage; the lease ends by itself.
        logger.warning("Run %s waits for its lease: %s", run_id, error, extra={"run_id": run_id, "event": "lost"})
    finally:
        connections.close_all()  # the next child must not inherit this connection
