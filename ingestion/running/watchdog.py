"""How far a worker's child has come, where its parent sees it: who is too busy to renew a lease has it renewed.

A child renews its own lease between records. One record may take longer than a lease: OCR of a scan, a call that
hangs, an expression that backtracks for ever and keeps every other thread of the process from running. So another
process vouches for it: the worker that forked it, which knows that it lives and, through a piece of shared memory, when
it last came on. It renews while that is less than RECORD_SECONDS ago, and ends the child after that, which counts as a
death in its batch: a record that does so again is isolated like any other that kills its worker.

Renewing is the same conditional UPDATE under the child's own fence; a run that somebody else has is not touched.
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

_SIGN = struct.Struct("=QQQd")
_PER_LEASE = 4
"""How often a parent looks, in one lease: often enough that a lease never ends between two looks."""

_IMPATIENT = {
    "sqlite": "PRAGMA busy_timeout = 1000",
    "mysql": "SET SESSION innodb_lock_wait_timeout = 1",
    "postgresql": "SET lock_timeout = '1s'",
}
"""The worker must be there when its child ends, and not wait for that child's own lock."""


class Verdict(Enum):
    """What a parent makes of its child."""

    NOTHING = auto()
    """It carries no run now, renews the lease by itself, or has lost the run to somebody else a moment ago."""
    RENEWED = auto()
    STUCK = auto()
    """It came no further for RECORD_SECONDS, whoever has its run by now."""


class ChildProgress:
    """Memory that a process and the children it forks share: whose run the child carries, and when it last came on."""

    def __init__(self) -> None:
        self.part()

    def part(self) -> None:
        """Share it with nobody any more but children still to come: two workers of one parent would overwrite it."""
        self._memory = mmap.mmap(-1, _SIGN.size)

    def beat(self, claim: Claim) -> None:
        """By the child: still here, and further on. CLOCK_MONOTONIC is the same for all processes of a machine."""
        self._memory[:] = _SIGN.pack(os.getpid(), claim.run_id, claim.fence, time.monotonic())

    def clear(self) -> None:
        """The run is let go of, or its process was given up."""
        self._memory[:] = bytes(_SIGN.size)

    def read(self, pid: int) -> tuple[Claim, float] | None:
        """The claim of child `pid` and the seconds since it last came on; None while it carries no run."""
        whose, run_id, fence, at = _SIGN.unpack(self._memory[:])
        return (Claim(run_id, fence, 0), time.monotonic() - at) if whose == pid else None


def look_every() -> float:
    """Seconds between two looks of a parent at its child."""
    return min(config().LEASE_SECONDS, config().RECORD_SECONDS) / _PER_LEASE


def renew_for_child(pulse: ChildProgress, pid: int) -> Verdict:
    """Renew the lease of the run that child `pid` carries, when it is busy and alive; say so when it is stuck.

    Raises OperationalError when the run's row is locked, as it is while the child commits a batch: nobody else can take
    the run over then. The caller closes the connection, whose patience was cut.
    """
    sign = pulse.read(pid)
    if sign is None:
        return Verdict.NOTHING
    claim, age = sign
    if age > config().RECORD_SECONDS:
        # Unless the run has ended under it, and only who listens to that takes long. Who lost the run is ended too: it
        # would keep its worker busy for nothing, perhaps for ever.
        ended = Run.unscoped.filter(pk=claim.run_id, fence=claim.fence).exclude(state=Run.State.RUNNING)
        return Verdict.NOTHING if ended.exists() else Verdict.STUCK
    if age < config().LEASE_SECONDS / _PER_LEASE or _is_stopped(pid):
        return Verdict.NOTHING  # it does so itself; or it was stopped from outside, and nobody knows for how long
    with connection.cursor() as cursor:
        cursor.execute(_IMPATIENT[connection.vendor])
    credentials = claim.row.filter(host=hostname(), worker_pid=pid)
    return Verdict.RENEWED if credentials.update(lease_until=db_now_plus(config().LEASE_SECONDS)) else Verdict.NOTHING


def end(pulse: ChildProgress, pid: int) -> None:
    """Kill child `pid`, which is stuck, and say so on its run's timeline."""
    sign = pulse.read(pid)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    run = Run.unscoped.filter(pk=sign[0].run_id, fence=sign[0].fence).first() if sign else None
    pulse.clear()
    if run is not None:
        seconds = config().RECORD_SECONDS
        text = f'No record was finished for {seconds:g} s (INGESTION["RECORD_SECONDS"]); its process was ended.'
        events.record(run, "stuck", text)


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t", "Z", "X")
    except (OSError, IndexError):
        return False  # a system without /proc
