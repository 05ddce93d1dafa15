"""Who owns a run: claim, renew, give back. Every change is one conditional UPDATE whose row count is checked.

The fence goes up with every claim; whoever holds an older one can no longer write anything (Fenced). Leases are in the
database's time. Assignments to columns that another assignment reads come first: MySQL assigns left to right.
"""

from __future__ import annotations

import functools
import os
import random
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce

from ingestion import limits, turns
from ingestion.clock import DbNow, db_now_plus
from ingestion.conf import MOST_AT_ONCE, config
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.core.text import storable
from ingestion.models import Run
from ingestion.redaction import mask
from ingestion.running import lanes
from ingestion.running.conflicts import retried

_SLOT_TRIES = 20
"""Times a claim looks for a free slot when others are quicker; the tick hints at the run again after that."""


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
    return Q(state=Run.State.QUEUED) & turns.is_due() | Q(state=Run.State.RUNNING, lease_until__lt=DbNow())


def claim(run_id: int) -> Ownership | None:
    """Become the owner of the run, or None when it is not due, not queued, paused, its connection is busy, or its
    tenant has as many runs running as its budget allows. The end of another run then sends the next hint.

    For a shard: or when its backfill has no lane free.
    """
    slow = _still_at_it(run_id)
    for _ in range(_SLOT_TRIES):
        slot, place = _free_slot(run_id), lanes.free(run_id)
        if slot is None or place is None:
            return None
        try:
            claimed = retried(functools.partial(_take, run_id, place, slot, 0 if slow else 1))
        except IntegrityError:
            continue  # another run took this slot or this place a moment ago
        if not claimed:
            return None
        fence, batches = Run.unscoped.values_list("fence", "batches").get(pk=run_id)
        return Ownership(run_id, fence, batches)
    return None


def _take(run_id: int, place: int, slot: int, died: int) -> int:
    """The one UPDATE that claims; raises IntegrityError when the place or the slot is somebody's."""
    return (
        Run.unscoped.filter(claimable(), pk=run_id)
        .filter(turns.is_able() | Q(state=Run.State.RUNNING))
        .update(
            deaths=Case(
                When(state=Run.State.RUNNING, then=F("deaths") + died),
                default=F("deaths"),
                output_field=IntegerField(),
            ),
            state=Run.State.RUNNING,
            fence=F("fence") + 1,
            lease_until=db_now_plus(config().LEASE_SECONDS),
            active_key=Coalesce("active_key", Value(place)),
            slot_key=Coalesce("slot_key", Value(slot)),
            not_before=None,
            started_at=Coalesce("started_at", DbNow()),
            host=hostname(),
            worker_pid=os.getpid(),
        )
    )


def _free_slot(run_id: int) -> int | None:
    """A slot of the run's tenant that nobody holds, or the one that this run holds already under an expired lease.

    A slot is a number below the tenant's budget; its key is unique in the database, so however many claim at once, no
    more than the budget get one. Those of runs that began under a higher budget count until they end.
    """
    known = Run.unscoped.filter(pk=run_id).values_list("tenant_id", "tenant__tier", "slot_key").first()
    if known is None:
        return None
    tenant, tier, mine = known
    if mine is not None:
        return mine
    first = tenant * MOST_AT_ONCE
    held = Run.unscoped.filter(slot_key__gte=first, slot_key__lt=first + MOST_AT_ONCE).values_list(
        "slot_key", flat=True
    )
    taken, budget = set(held), limits.budget_of(tier)
    free = [slot for slot in range(first, first + budget) if slot not in taken]
    # By chance among them: many who claim at once would all try the first.
    return random.choice(free) if free and len(taken) < budget else None  # noqa: S311  not a secret


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
    wanted = mine.row.filter(Exists(turns.unpaused()), cancel_requested=False)
    if wanted.update(lease_until=db_now_plus(config().LEASE_SECONDS)):
        return
    cancelled = mine.row.values_list("cancel_requested", flat=True).first()
    if cancelled is None:
        raise Fenced(f"Run {mine.run_id} was claimed by another worker.")
    if cancelled:
        raise Cancelled(f"Run {mine.run_id} was cancelled.")
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
    given = bool(
        mine.row.update(
            state=Run.State.QUEUED,
            attempts=F("attempts") + (1 if failed else 0),
            not_before=db_now_plus(delay) if delay else None,
            lease_until=None,
            active_key=None,
            slot_key=None,
            error_class=type(error).__name__ if error else "",
            error_message=_told(mine, error) if error else "",
        )
    )
    if given:
        transaction.on_commit(lambda: _bring_in(mine.run_id), robust=True)
    return given


def _told(mine: Ownership, error: BaseException) -> str:
    """For the tenant's staff: with its own secrets masked."""
    tenant = Run.unscoped.values_list("tenant_id", flat=True).get(pk=mine.run_id)
    return storable(mask(str(error), tenant), 5000)


def _bring_in(run_id: int) -> None:
    """The slot is free: it is another run's turn, or this one's again. A shard waits for the tick or a sibling."""
    turns.freed(Run.unscoped.select_related("tenant").get(pk=run_id).tenant)


def expire(run_id: int, pid: int) -> bool:
    """Let go of a run whose process `pid` on this host is known to be dead, without waiting for its lease."""
    held = Run.unscoped.filter(pk=run_id, host=hostname(), worker_pid=pid, state=Run.State.RUNNING)
    return bool(held.update(lease_until=db_now_plus(-1)))


def hostname() -> str:
    return socket.gethostname()[:200]
