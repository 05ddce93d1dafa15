"""Who owns a run: claim, renew, give back. Every change is one conditional UPDATE whose row count is checked.

The fence goes up with every claim; whoever holds an older one can no longer write anything (Fenced). Leases are in the
database's time. Assignments to columns that another assignment reads come first: MySQL assigns left to right.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, IntegerField, OuterRef, Q, When
from django.db.models.functions import Coalesce

from ingestion.clock import DbNow, db_now_plus
from ingestion.conf import config
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.core.text import storable
from ingestion.models import Connection, Run
from ingestion.redaction import mask


@dataclass(slots=True)
class Ownership:
    """Proof of a claim. `batches` is how many the run had committed when we last wrote to it."""

    run_id: int
    fence: int
    batches: int

    @property
    def row(self) -> Any:
        """The run, as long as it is ours."""
        return Run.unscoped.filter(pk=self.run_id, fence=self.fence, state=Run.State.RUNNING)


def claimable() -> Q:
    """Runs somebody may claim now: queued and due, or running under an expired lease."""
    due = Q(not_before__isnull=True) | Q(not_before__lte=DbNow())
    return Q(state=Run.State.QUEUED) & due | Q(state=Run.State.RUNNING, lease_until__lt=DbNow())


def claim(run_id: int) -> Ownership | None:
    """Become the owner of the run, or None when it is not due, not queued, paused, or its connection is busy."""
    slow = _still_at_it(run_id)
    working = Connection.unscoped.filter(pk=OuterRef("connection_id"), paused_at__isnull=True)
    try:
        with transaction.atomic():
            claimed = (
                Run.unscoped.filter(claimable(), pk=run_id)
                .filter(Exists(working) | Q(state=Run.State.RUNNING) | Q(cancel_requested=True))
                .update(
                    deaths=Case(
                        When(state=Run.State.RUNNING, then=F("deaths") + (0 if slow else 1)),
                        default=F("deaths"),
                        output_field=IntegerField(),
                    ),
                    state=Run.State.RUNNING,
                    fence=F("fence") + 1,
                    lease_until=db_now_plus(config().LEASE_SECONDS),
                    active_key=F("connection_id"),
                    not_before=None,
                    started_at=Coalesce("started_at", DbNow()),
                    host=hostname(),
                    worker_pid=os.getpid(),
                )
            )
    except IntegrityError:
        return None  # another run of this connection is active; its end sends the next hint
    if not claimed:
        return None
    fence, batches = Run.unscoped.values_list("fence", "batches").get(pk=run_id)
    return Ownership(run_id, fence, batches)


def _still_at_it(run_id: int) -> bool:
    """Whether the run's owner is another living process of this host: slow, then, and not dead."""
    host, pid = Run.unscoped.filter(pk=run_id).values_list("host", "worker_pid").first() or ("", None)
    if pid is None or host != hostname() or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (OSError, IndexError):  # not ours to signal, or a system without /proc: it is there
        return True
    return state not in ("Z", "X")


def renew(mine: Ownership) -> None:
    """Extend the lease. Raises Fenced when the run is no longer ours, Cancelled or Paused when we are asked to stop."""
    if not mine.row.update(lease_until=db_now_plus(config().LEASE_SECONDS)):
        raise Fenced(f"Run {mine.run_id} was claimed by another worker.")
    cancelled, paused = mine.row.values_list("cancel_requested", "connection__paused_at").first() or (False, None)
    if cancelled:
        raise Cancelled(f"Run {mine.run_id} was cancelled.")
    if paused is not None:
        raise Paused(f"The connection of run {mine.run_id} is paused.")


def advance(mine: Ownership, checkpoint: Any) -> None:
    """First statement of the batch's transaction: takes the run's row lock and moves its checkpoint. Raises Fenced."""
    moved = mine.row.filter(batches=mine.batches).update(
        batches=F("batches") + 1,
        checkpoint=checkpoint,
        lease_until=db_now_plus(config().LEASE_SECONDS),
        deaths=0,
        attempts=0,
        isolation=None,
    )
    if not moved:
        raise Fenced(f"Run {mine.run_id} was claimed by another worker; this batch is rolled back.")


def landed(mine: Ownership) -> bool:
    """After a connection died during COMMIT: did that batch arrive?"""
    return bool(mine.row.filter(batches=mine.batches + 1).exists())


def give_back(mine: Ownership, *, failed: bool = False, delay: float = 0, error: BaseException | None = None) -> bool:
    """Queue the run again, to go on from its checkpoint after `delay` seconds; False when it is no longer ours."""
    return bool(
        mine.row.update(
            state=Run.State.QUEUED,
            attempts=F("attempts") + (1 if failed else 0),
            not_before=db_now_plus(delay) if delay else None,
            lease_until=None,
            active_key=None,
            error_class=type(error).__name__ if error else "",
            error_message=storable(mask(str(error)), 5000) if error else "",
        )
    )


def expire(run_id: int, pid: int) -> bool:
    """Let go of a run whose process `pid` on this host is known to be dead, without waiting for its lease."""
    held = Run.unscoped.filter(pk=run_id, host=hostname(), worker_pid=pid, state=Run.State.RUNNING)
    return bool(held.update(lease_until=db_now_plus(-1)))


def hostname() -> str:
    return socket.gethostname()[:200]
