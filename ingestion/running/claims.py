"""Who owns a run: claim, renew, give back. Every change is one conditional UPDATE whose row count is checked.

The fence goes up with every claim; whoever holds an older one can no longer write anything (Fenced). Leases are in the
database's time. Assignments to columns that another assignment reads come first: MySQL assigns left to right.
"""

from __future__ import annotations

import functools
import os
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce

from ingestion import dispatch, limits
from ingestion.conf import MOST_AT_ONCE, config
from ingestion.core import registry
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.core.text import storable, told
from ingestion.database.clock import DbNow, db_now_plus
from ingestion.database.retrying import retried
from ingestion.models import Run
from ingestion.redaction import mask
from ingestion.running import slots

_SLOT_TRIES = 20
"""Times a claim looks for a free slot when others are quicker; the tick sends another wake-up after that."""


@dataclass(slots=True)
class Claim:
    """Proof of a claim. `batches` is how many the run had committed when we last wrote to it."""

    run_id: int
    fence: int
    batches: int
    extended: float = field(default_factory=time.monotonic, compare=False)
    """When the lease was extended last, on this process's clock, at the latest."""

    @property
    def row(self) -> Any:
        """The run, as long as it is ours."""
        return Run.unscoped.filter(pk=self.run_id, fence=self.fence, state=Run.State.RUNNING)

    def extending(self, update: Callable[[], int]) -> bool:
        """Whether `update`, which extends the lease, changed the row."""
        begun = time.monotonic()
        changed = bool(update())
        if changed:
            self.extended = begun
        return changed

    def is_due(self) -> bool:
        """Whether a third of the lease is gone."""
        return time.monotonic() - self.extended >= config().LEASE_SECONDS / 3


def claimable() -> Q:
    """Runs somebody may claim now: queued and due, or running under an expired lease."""
    return Q(state=Run.State.QUEUED) & dispatch.is_due() | Q(state=Run.State.RUNNING, lease_until__lt=DbNow())


def claim(run_id: int) -> Claim | None:
    """Become the owner of the run, or None when it is not due, not queued, paused, its connection is busy, or its
    tenant has as many runs running as its budget allows. The end of another run then sends the next wake-up.

    For a shard: or when its backfill has no slot free.
    """
    for _ in range(_SLOT_TRIES):
        run = Run.unscoped.select_related("tenant", "parent").only(*_CLAIMED).filter(pk=run_id).first()
        if run is None:
            return None
        slot, active_key = _free(run)
        if slot is None or active_key is None:
            return None
        try:
            claimed = retried(functools.partial(_take, run, active_key, slot), transactional=False)
        except IntegrityError:
            continue  # another run took this slot or this key a moment ago
        return Claim(run_id, run.fence + 1, run.batches) if claimed else None
    return None


_CLAIMED = (
    *("fence", "batches", "pipeline", "pipeline_version", "host", "worker_pid", "active_key", "slot_key"),
    *("connection_id", "tenant__tier", "parent__params"),
)
"""What a claim looks at."""


def _take(run: Run, active_key: int, slot: int) -> int:
    """The one UPDATE that claims; raises IntegrityError when another run has the key or the slot.

    The fence that was seen is asked for again: of two that claim, one gets the next number.
    """
    died = 0 if _still_at_it(run) else 1
    return (
        Run.unscoped.filter(claimable(), pk=run.pk, fence=run.fence)
        .filter(dispatch.is_able() | Q(state=Run.State.RUNNING))
        .update(
            deaths=Case(
                When(state=Run.State.RUNNING, then=F("deaths") + died),
                default=F("deaths"),
                output_field=IntegerField(),
            ),
            state=Run.State.RUNNING,
            fence=F("fence") + 1,
            lease_until=db_now_plus(config().LEASE_SECONDS),
            active_key=Coalesce("active_key", Value(active_key)),
            slot_key=Coalesce("slot_key", Value(slot)),
            not_before=None,
            started_at=Coalesce("started_at", DbNow()),
            pipeline_version=registry.version_of(run.pipeline, run.pipeline_version),
            host=hostname(),
            worker_pid=os.getpid(),
        )
    )


def _free(run: Run) -> tuple[int | None, int | None]:
    """A slot of the run's tenant and an active key (see slots) that no other run has, or those that a dead worker left.

    A slot is a number below the tenant's budget; its key is unique in the database, so however many claim at once, no
    more than the budget get one. Those of runs that began under a higher budget count until they end.
    """
    if run.slot_key is not None and run.active_key is not None:
        return run.slot_key, run.active_key
    first = run.tenant_id * MOST_AT_ONCE
    of_tenant = Q(slot_key__gte=first, slot_key__lt=first + MOST_AT_ONCE)
    rows = list(Run.unscoped.filter(of_tenant | slots.rivals(run)).values_list("slot_key", "active_key"))
    active_key = slots.free_key(run, {key for _, key in rows if key is not None})
    if run.slot_key is not None:
        return run.slot_key, active_key
    taken = {key for key, _ in rows if key is not None and first <= key < first + MOST_AT_ONCE}
    budget = limits.budget_of(run.tenant.tier)
    free = [slot for slot in range(first, first + budget) if slot not in taken]
    # By chance among them: many who claim at once would all try the first.
    slot = random.choice(free) if free and len(taken) < budget else None  # noqa: S311  not a secret
    return slot, active_key


def _still_at_it(run: Run) -> bool:
    """Whether the run's owner is another living process of this host: slow, then, and not dead."""
    return _of_this_host(run) and _lives(run.worker_pid)


def died_here(run: Run) -> bool:
    """Whether the run's owner was another process of this host, which lives no more."""
    return _of_this_host(run) and not _lives(run.worker_pid)


def _of_this_host(run: Run) -> bool:
    return run.worker_pid not in (None, os.getpid()) and run.host == hostname()


def _lives(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (OSError, IndexError):  # not ours to signal, or a system without /proc: it is there
        return True
    return state not in ("Z", "X")


def renew(claim: Claim) -> None:
    """Extend the lease. Raises Fenced when the run is no longer ours, Cancelled or Paused when we are asked to stop."""
    wanted = claim.row.filter(going_on())
    if claim.extending(lambda: wanted.update(lease_until=db_now_plus(config().LEASE_SECONDS))):
        return
    cancelled = claim.row.values_list("cancel_requested", flat=True).first()
    if cancelled is None:
        raise Fenced(f"Run {claim.run_id} was claimed by another worker.")
    go_on(claim, cancelled=cancelled, paused=True)


def look(claim: Claim, *columns: str, **annotations: Any) -> dict[str, Any]:
    """What `renew` looks at, with `columns` and `annotations` of the row, in one query; the lease only when it is time.

    Every batch extends the lease; a page that came soon after it finds most of it left.
    """
    if claim.is_due():
        renew(claim)
    row: dict[str, Any] | None = claim.row.values(
        *columns, "cancel_requested", paused_at=F("connection__paused_at"), **annotations
    ).first()
    if row is None:
        raise Fenced(f"Run {claim.run_id} was claimed by another worker.")
    go_on(claim, cancelled=row["cancel_requested"], paused=row["paused_at"] is not None)
    return row


def going_on() -> Q:
    """Runs that nobody asked to stop."""
    return Q(Exists(dispatch.unpaused()), cancel_requested=False)


def go_on(claim: Claim, *, cancelled: bool, paused: bool) -> None:
    """Raise Cancelled or Paused when that is so."""
    if cancelled:
        raise Cancelled(f"Run {claim.run_id} was cancelled.")
    if paused:
        raise Paused(f"The connection of run {claim.run_id} is paused.")


def advance(claim: Claim, checkpoint: Any, **values: Any) -> None:
    """Take the run's row lock and move its checkpoint, before the batch's transaction writes anything. Raises Fenced.

    `values` are further columns of the run.
    """
    if not advanced(claim, checkpoint, Q(), **values):
        raise Fenced(f"Run {claim.run_id} was claimed by another worker; this batch is rolled back.")


def advanced(claim: Claim, checkpoint: Any, where: Q, **values: Any) -> bool:
    """As `advance`, for a run that is also as `where` wants it; False when it is not, or no longer ours."""
    return claim.extending(
        lambda: claim.row.filter(where, batches=claim.batches).update(
            batches=F("batches") + 1,
            checkpoint=checkpoint,
            lease_until=db_now_plus(config().LEASE_SECONDS),
            deaths=0,
            attempts=0,
            isolation=None,
            **values,
        )
    )


def landed(claim: Claim) -> bool:
    """After a connection died during COMMIT: did that batch arrive?"""
    return bool(claim.row.filter(batches=claim.batches + 1).exists())


def requeue(claim: Claim, *, failed: bool = False, delay: float = 0, error: BaseException | None = None) -> bool:
    """Queue the run again, to go on from its checkpoint after `delay` seconds; False when it is no longer ours."""
    given = bool(
        claim.row.update(
            state=Run.State.QUEUED,
            attempts=F("attempts") + (1 if failed else 0),
            not_before=db_now_plus(delay) if delay else None,
            lease_until=None,
            active_key=None,
            slot_key=None,
            error_class=type(error).__name__ if error else "",
            error_message=_told(claim, error) if error else "",
        )
    )
    if given:
        transaction.on_commit(lambda: _bring_in(claim.run_id), robust=True)
    return given


def _told(claim: Claim, error: BaseException) -> str:
    """For the tenant's staff: with its own secrets masked."""
    tenant = Run.unscoped.values_list("tenant_id", flat=True).get(pk=claim.run_id)
    return storable(mask(told(error), tenant), 5000)


def _bring_in(run_id: int) -> None:
    """The slot is free: it is another run's turn, or this one's again. A shard waits for the tick or a sibling."""
    dispatch.freed(Run.unscoped.select_related("tenant").get(pk=run_id).tenant)


def expire(run_id: int, pid: int) -> bool:
    """Let go of a run whose process `pid` on this host is known to be dead, without waiting for its lease."""
    running = Run.unscoped.filter(pk=run_id, host=hostname(), worker_pid=pid, state=Run.State.RUNNING)
    return bool(running.update(lease_until=db_now_plus(-1)))


def hostname() -> str:
    return socket.gethostname()[:200]
