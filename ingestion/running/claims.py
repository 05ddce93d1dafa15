"""Who owns a run: claim, renew, requeue. Every change is one conditional UPDATE whose row count is checked.

Every claim raises the fence; an owner with an older fence can no longer write anything (Fenced). Leases are in the
database's time. Assignments to columns that another assignment reads come first: MySQL assigns left to right.
"""

from __future__ import annotations

import functools
import logging
import os
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce

from ingestion import dispatch, limits
from ingestion.conf import MOST_AT_ONCE, config
from ingestion.core import registry
from ingestion.core.errors import Cancelled, Fenced, Paused
from ingestion.core.text import error_text, storable
from ingestion.database.clock import DbNow, db_now_plus
from ingestion.database.retrying import retry_conflicts
from ingestion.models import Run, Tenant
from ingestion.redaction import mask
from ingestion.running import predecessors, slots

logger = logging.getLogger("ingestion")
_MOST_SLOT_TRIES = 20
"""How often a claim looks for a free slot when other claims take it first; then the tick sends another wake-up."""


@dataclass(slots=True)
class Claim:
    """Proof that this process owns a run. `batches` is how many the run had committed at this owner's last write."""

    run_id: int
    fence: int
    batches: int
    extended_at: float = field(default_factory=time.monotonic, compare=False)
    """When the lease was extended last, by this process's clock, or a little earlier."""
    predecessor: predecessors.Predecessor | None = field(default=None, compare=False)

    @property
    def row(self) -> Any:
        """The run's row, as long as this claim owns it."""
        return Run.unscoped.filter(pk=self.run_id, fence=self.fence, state=Run.State.RUNNING)

    def extend(self, update: Callable[[], int]) -> bool:
        """Call `update`, which extends the lease; whether it changed the row."""
        started = time.monotonic()
        changed = bool(update())
        if changed:
            self._log_standstill(started - self.extended_at)
            self.extended_at = started
        return changed

    def _log_standstill(self, seconds: float) -> None:
        """Log a lease that ended and that no worker took over: a slow or stopped process leaves no other trace."""
        if seconds > config().LEASE_SECONDS:
            text = "Run %s comes on after %.0f s without a sign of life of its process, which still has it."
            logger.info(text, self.run_id, seconds, extra={"run_id": self.run_id, "event": "late"})

    def needs_renewal(self) -> bool:
        """Whether a third of the lease is gone."""
        return time.monotonic() - self.extended_at >= config().LEASE_SECONDS / 3


def claimable() -> Q:
    """Runs that may be claimed now: queued and due, or running under an expired lease."""
    return Q(state=Run.State.QUEUED) & dispatch.is_due() | Q(state=Run.State.RUNNING, lease_until__lt=DbNow())


def claim(run_id: int) -> Claim | None:
    """Become the owner of the run; None when it cannot be claimed now.

    That is so when the run is not queued, not due or paused, when its connection is busy, when as many runs of its
    tenant are running as the budget allows, and for a shard when no slot of its backfill is free. The end of another
    run then sends the next wake-up.
    """
    for _ in range(_MOST_SLOT_TRIES):
        run = Run.unscoped.select_related("tenant", "parent").only(*_CLAIM_COLUMNS).filter(pk=run_id).first()
        if run is None:
            return None
        slot, active_key = _free_keys(run)
        if slot is None or active_key is None:
            return None
        try:
            claimed = retry_conflicts(functools.partial(_claim_row, run, active_key, slot), transactional=False)
        except IntegrityError:
            continue  # another run has just taken this slot or this key
        if not claimed:
            return None
        return Claim(run_id, run.fence + 1, run.batches, predecessor=predecessors.of(run, hostname()))
    return None


_CLAIM_COLUMNS = (
    *("fence", "batches", "state", "pipeline", "pipeline_version", "host", "worker_pid", "active_key", "slot_key"),
    *("connection_id", "tenant__tier", "parent__params"),
)
"""Columns that a claim reads."""


def _claim_row(run: Run, active_key: int, slot: int) -> int:
    """Claim the run with one UPDATE; raises IntegrityError when another run has the key or the slot.

    The UPDATE names the fence that was read: of two processes that claim at once, one gets the next fence.
    """
    died = 0 if predecessors.is_alive(run, hostname()) else 1
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


def _free_keys(run: Run) -> tuple[int | None, int | None]:
    """A free slot of the run's tenant and a free active key (see slots), or the two that a dead worker left in the row.

    A slot is a number below the tenant's budget. Its key is unique in the database, so however many processes claim at
    once, no more runs than the budget get a slot. Slots taken under a higher budget count until their runs end.
    """
    if run.slot_key is not None and run.active_key is not None:
        return run.slot_key, run.active_key
    first = run.tenant_id * MOST_AT_ONCE
    of_tenant = Q(slot_key__gte=first, slot_key__lt=first + MOST_AT_ONCE)
    rows = list(Run.unscoped.filter(of_tenant | slots.competing(run)).values_list("slot_key", "active_key"))
    active_key = slots.free_key(run, {key for _, key in rows if key is not None})
    if run.slot_key is not None:
        return run.slot_key, active_key
    taken_slots = {key for key, _ in rows if key is not None and first <= key < first + MOST_AT_ONCE}
    budget = limits.budget_of(run.tenant.tier)
    free = [slot for slot in range(first, first + budget) if slot not in taken_slots]
    # A random one: processes that claim at once would all try the first.
    slot = random.choice(free) if free and len(taken_slots) < budget else None  # noqa: S311  not a secret
    return slot, active_key


def renew(claim: Claim) -> None:
    """Extend the lease. Raises Fenced when another worker owns the run, Cancelled or Paused when the run must stop."""
    active = claim.row.filter(not_stopped())
    if claim.extend(lambda: active.update(lease_until=db_now_plus(config().LEASE_SECONDS))):
        return
    cancelled = claim.row.values_list("cancel_requested", flat=True).first()
    if cancelled is None:
        raise Fenced(f"Run {claim.run_id} was claimed by another worker.")
    require_not_stopped(claim, cancelled=cancelled, paused=True)


def renew_if_due(claim: Claim) -> None:
    """Renew the lease when a third of it is gone. Raises as `renew`."""
    if claim.needs_renewal():
        renew(claim)


def read_row(claim: Claim, *columns: str, **annotations: Any) -> dict[str, Any]:
    """Read `columns` and `annotations` of the run's row in one query. Raises as `renew`, which it calls when due.

    Every batch extends the lease, so a page that follows soon need not.
    """
    renew_if_due(claim)
    row: dict[str, Any] | None = claim.row.values(
        *columns, "cancel_requested", paused_at=F("connection__paused_at"), **annotations
    ).first()
    if row is None:
        raise Fenced(f"Run {claim.run_id} was claimed by another worker.")
    require_not_stopped(claim, cancelled=row["cancel_requested"], paused=row["paused_at"] is not None)
    return row


def not_stopped() -> Q:
    """Runs that are neither cancelled nor paused."""
    return Q(Exists(dispatch.unpaused()), cancel_requested=False)


def require_not_stopped(claim: Claim, *, cancelled: bool, paused: bool) -> None:
    """Raise Cancelled when the run is `cancelled`, Paused when its connection is `paused`."""
    if cancelled:
        raise Cancelled(f"Run {claim.run_id} was cancelled.")
    if paused:
        raise Paused(f"The connection of run {claim.run_id} is paused.")


def advance(claim: Claim, checkpoint: Any, **values: Any) -> None:
    """Lock the run's row and move its checkpoint, as the first write of the batch's transaction. Raises Fenced.

    `values` are further columns of the run.
    """
    if not try_advance(claim, checkpoint, Q(), **values):
        raise Fenced(f"Run {claim.run_id} was claimed by another worker; this batch is rolled back.")


def try_advance(claim: Claim, checkpoint: Any, where: Q, **values: Any) -> bool:
    """As `advance`, for a run that also matches `where`; False when it does not or another worker owns it."""
    return claim.extend(
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


def is_committed(claim: Claim) -> bool:
    """Whether the batch was committed whose connection died during COMMIT."""
    return bool(claim.row.filter(batches=claim.batches + 1).exists())


def requeue(claim: Claim, *, failed: bool = False, delay: float = 0, error: BaseException | None = None) -> bool:
    """Queue the run again, to continue from its checkpoint after `delay` seconds; False when another worker owns it."""
    requeued = bool(
        claim.row.update(
            state=Run.State.QUEUED,
            attempts=F("attempts") + (1 if failed else 0),
            not_before=db_now_plus(delay) if delay else None,
            lease_until=None,
            active_key=None,
            slot_key=None,
            error_class=type(error).__name__ if error else "",
            error_message=_error_text(claim, error) if error else "",
        )
    )
    if requeued:
        # The slot is free: for another run, or for this one again. A shard waits for the tick or the end of a sibling.
        transaction.on_commit(lambda: dispatch.wake_next(_tenant_of(claim.run_id)), robust=True)
    return requeued


def _error_text(claim: Claim, error: BaseException) -> str:
    """The error for the tenant's staff: the tenant's secrets are masked."""
    tenant = Run.unscoped.values_list("tenant_id", flat=True).get(pk=claim.run_id)
    return storable(mask(error_text(error), tenant), 5000)


def _tenant_of(run_id: int) -> Tenant:
    return Run.unscoped.select_related("tenant").get(pk=run_id).tenant


def expire(run_id: int, pid: int) -> bool:
    """End the lease of a run whose process `pid` on this host is dead, so that it can be claimed at once."""
    running = Run.unscoped.filter(pk=run_id, host=hostname(), worker_pid=pid, state=Run.State.RUNNING)
    return bool(running.update(lease_until=db_now_plus(-1)))


def hostname() -> str:
    return socket.gethostname()[:200]
