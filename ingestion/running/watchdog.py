"""The watchdog: a worker renews the lease of its busy child, and kills a child that makes no progress.

A child renews its own lease between records. One record may take longer than a lease: OCR of a scan, a call that
hangs, an expression that backtracks for ever and keeps every other thread of the process from running. So another
process renews the lease for the child: the worker that forked it. It knows that the child is alive, and shared memory
tells it when the child last made progress. While that was less than RECORD_SECONDS ago the worker renews; after that it
kills the child. Such a death counts as any other: poison bisection finds a record that causes it again.

The renewal is the same conditional UPDATE under the child's own fence, so a run of another owner is not touched.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import time
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path

from django.db import connection

from ingestion import events
from ingestion.conf import config
from ingestion.database.clock import db_now_plus
from ingestion.models import Run
from ingestion.running.claims import Claim, hostname

_PROGRESS = struct.Struct("=QQQd")
_PER_LEASE = 4
"""How often a parent checks its child in one lease: often enough that no lease ends between two checks."""

_SHORT_LOCK_TIMEOUT = {
    "sqlite": "PRAGMA busy_timeout = 1000",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    "postgresql": "SET lock_timeout = '1s'",
}
"""The worker must notice the end of its child, so it must not wait for a lock of that child."""


class ChildCheck(Enum):
    """The result of a parent's check of its child."""

    NOTHING = auto()
    """The child executes no run, renews the lease by itself, or has just lost the run to another worker."""
    RENEWED = auto()
    STUCK = auto()
    """The child has made no progress for RECORD_SECONDS, whether it still owns the run or not."""


class ChildProgress:
    """Memory shared by a process and the children it forks: which run the child executes, and its last progress."""

    def __init__(self) -> None:
        self.detach()

    def detach(self) -> None:
        """Use new memory, shared only with later children: two workers of one parent would overwrite each other."""
        self._memory = mmap.mmap(-1, _PROGRESS.size)

    def beat(self, claim: Claim) -> None:
        """Report progress; called by the child. CLOCK_MONOTONIC is the same for all processes of a machine."""
        self._memory[:] = _PROGRESS.pack(os.getpid(), claim.run_id, claim.fence, time.monotonic())

    def clear(self) -> None:
        """Forget the report: the run has ended or was requeued, or its process was killed."""
        self._memory[:] = bytes(_PROGRESS.size)

    def read(self, pid: int) -> tuple[Claim, float] | None:
        """The claim of child `pid` and the seconds since its last progress; None while it executes no run."""
        reporter, run_id, fence, at = _PROGRESS.unpack(self._memory[:])
        return (Claim(run_id, fence, 0), time.monotonic() - at) if reporter == pid else None


def check_every() -> float:
    """Seconds between two checks of a child by its parent."""
    return min(config().LEASE_SECONDS, config().RECORD_SECONDS) / _PER_LEASE


def renew_for_child(progress: ChildProgress, pid: int) -> ChildCheck:
    """Renew the lease of the run that child `pid` executes, when the child is busy and alive; report when it is stuck.

    Raises OperationalError when the run's row is locked, as it is while the child commits a batch; no other worker can
    take the run over then. The caller closes the connection, whose lock timeout was shortened.
    """
    report = progress.read(pid)
    if report is None:
        return ChildCheck.NOTHING
    claim, age = report
    if age > config().RECORD_SECONDS:
        # Not when the run has ended and only its listeners are slow. A child that has lost its run is killed as well:
        # it would keep its worker busy for nothing, perhaps for ever.
        ended = Run.unscoped.filter(pk=claim.run_id, fence=claim.fence).exclude(state=Run.State.RUNNING)
        return ChildCheck.NOTHING if ended.exists() else ChildCheck.STUCK
    if age < config().LEASE_SECONDS / _PER_LEASE or _is_stopped(pid):
        return ChildCheck.NOTHING  # the child renews the lease itself, or was stopped from outside for an unknown time
    with connection.cursor() as cursor:
        cursor.execute(_SHORT_LOCK_TIMEOUT[connection.vendor])
    own_row = claim.row.filter(host=hostname(), worker_pid=pid)
    return ChildCheck.RENEWED if own_row.update(lease_until=db_now_plus(config().LEASE_SECONDS)) else ChildCheck.NOTHING


def kill_stuck_child(progress: ChildProgress, pid: int) -> None:
    """Kill child `pid`, which is stuck, and record that on its run's timeline."""
    report = progress.read(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    run = Run.unscoped.filter(pk=report[0].run_id, fence=report[0].fence).first() if report else None
    progress.clear()
    if run is not None:
        seconds = config().RECORD_SECONDS
        text = f'No record was finished for {seconds:g} s (INGESTION["RECORD_SECONDS"]); its process was ended.'
        events.record(run, "stuck", text)


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t", "Z", "X")
    except (OSError, IndexError):
        return False  # a system without /proc
