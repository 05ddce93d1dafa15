"""Monthly quotas. The database decides: used + amount <= quota is part of the UPDATE that counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Q

from ingestion import events
from ingestion.core import meters
from ingestion.core.context import TenantRef
from ingestion.core.errors import ConfigurationError, Fenced, QuotaExceeded
from ingestion.database.clock import DbNow, read_db_now
from ingestion.limits.tiers import quota_of
from ingestion.models import QuotaOverride, Run, Spending, Tenant, Usage

logger = logging.getLogger("ingestion")

WARN_AT = 80
"""Percent of a quota at which a warning is logged."""


def spend(tenant: TenantRef, meter: str, amount: int, *, at: datetime | None = None) -> None:
    """Count `amount` on the tenant's meter, in the month of `at` (now). Raises QuotaExceeded and counts nothing.

    For work outside a run. Inside one take `ctx.spend`, which does not count a batch twice that is tried again.
    """
    _require_valid(meter, amount)
    period = _period(at)
    _ensure_row(tenant, meter, period)
    with transaction.atomic():
        _count(tenant, meter, period, amount)


def require(tenant: TenantRef, meter: str, amount: int) -> None:
    """Raise QuotaExceeded when `amount` could not be spent now. Counts nothing."""
    _require_valid(meter, amount)
    limit, used = quota(tenant, meter), used_of(tenant, meter)
    if limit is not None and used + amount > limit:
        raise _exceeded(tenant, meter, used, amount, limit)


@dataclass(slots=True)
class RunMeter:
    """`ctx.spend` of one execution of a run.

    A batch that is tried again counts only what goes beyond what it had counted before: the row of the run and meter
    remembers how much that was, so neither a crash nor a takeover counts twice.
    """

    run: Run
    batch: Callable[[], int]
    """Number of the batch that is being worked on."""
    _batch: int = -1
    _spent: dict[str, int] = field(default_factory=dict)

    def __call__(self, meter: str, amount: int) -> None:
        _require_valid(meter, amount)
        batch = self.batch()
        if batch != self._batch:
            self._batch, self._spent = batch, {}
        so_far = self._spent.get(meter, 0) + amount
        _spend_in_run(self.run, meter, batch, so_far)
        self._spent[meter] = so_far


def _spend_in_run(run: Run, meter: str, batch: int, so_far: int) -> None:
    """Count the part of `so_far` that this batch of the run has not counted yet; both rows or none."""
    tenant, period = run.tenant.ref, _period(None)
    _ensure_row(tenant, meter, period)
    spendings = Spending.objects.for_tenant(tenant).filter(run=run, meter=meter)
    if not spendings.exists():
        Spending.unscoped.bulk_create([Spending(tenant_id=tenant.id, run=run, meter=meter)], ignore_conflicts=True)
    with transaction.atomic():
        row = spendings.select_for_update().get()
        if row.batch > batch:
            raise Fenced(f"Run {run.pk} was claimed by another worker, which is at a later batch.")
        counted = row.in_batch if row.batch == batch else 0
        if so_far <= counted:
            return
        _count(tenant, meter, period, so_far - counted, run)
        spendings.update(batch=batch, in_batch=so_far, total=F("total") + so_far - counted)


def _count(tenant: TenantRef, meter: str, period: date, amount: int, run: Run | None = None) -> None:
    limit = quota(tenant, meter)
    rows = Usage.objects.for_tenant(tenant).filter(meter=meter, period=period)
    room = rows if limit is None else rows.filter(used__lte=limit - amount)
    if (limit is not None and amount > limit) or not room.update(used=F("used") + amount):
        raise _exceeded(tenant, meter, used_of(tenant, meter, period), amount, limit or 0)
    if limit is not None:
        near = rows.filter(Q(warned_limit=None) | Q(warned_limit__lt=limit), used__gte=-(-limit * WARN_AT // 100))
        if near.update(warned_limit=limit):  # one of all processes that reach it at once
            _warn(tenant, meter, period, limit, run)


def _warn(tenant: TenantRef, meter: str, period: date, limit: int, run: Run | None) -> None:
    text = f"{used_of(tenant, meter, period)} of {limit} {meter} are used in {period:%Y-%m}; at {limit} it is refused."
    extra = {"tenant_id": tenant.id, "event": "quota_warning", "meter": meter}
    if run is not None:
        events.record(run, "quota warning", text, meter=meter, limit=limit)
        extra |= {"pipeline": run.pipeline, "run_id": run.pk}
    transaction.on_commit(lambda: logger.warning("Tenant %s: %s", tenant.key, text, extra=extra))


def quota(tenant: TenantRef, meter: str) -> int | None:
    """The quota in force: the newest override, else that of the tier; None: no limit."""
    override = in_force(tenant, meter)
    if override is not None:
        return override.limit
    return quota_of(meter, Tenant.objects.values_list("tier", flat=True).get(pk=tenant.id))


def in_force(tenant: TenantRef, meter: str) -> QuotaOverride | None:
    overrides = QuotaOverride.objects.for_tenant(tenant).filter(meter=meter, expires_at__gt=DbNow())
    return overrides.order_by("-pk").first()


def used_of(tenant: TenantRef, meter: str, period: date | None = None) -> int:
    rows = Usage.objects.for_tenant(tenant).filter(meter=meter, period=period or _period(None))
    return rows.values_list("used", flat=True).first() or 0


def _ensure_row(tenant: TenantRef, meter: str, period: date) -> None:
    """Create the month's row before the transaction that counts: two first spenders must not wait for each other."""
    if not Usage.objects.for_tenant(tenant).filter(meter=meter, period=period).exists():
        Usage.unscoped.bulk_create([Usage(tenant_id=tenant.id, meter=meter, period=period)], ignore_conflicts=True)


def _period(at: datetime | None) -> date:
    return (at or read_db_now()).date().replace(day=1)


def _require_valid(meter: str, amount: int) -> None:
    meters.get(meter)
    if amount < 0:
        raise ConfigurationError(f"{amount} cannot be counted on {meter}; give a whole number, 0 or more.")


def _exceeded(tenant: TenantRef, meter: str, used: int, amount: int, limit: int) -> QuotaExceeded:
    title = meters.get(meter).title
    return QuotaExceeded(
        f"Tenant {tenant.key} has used {used} of {limit} this month ({title}, {meter}); {amount} more are refused. "
        f"Wait for next month or allow more: manage.py ingest quota override --tenant {tenant.key} --meter {meter} "
        "--limit N --until 7d --reason …"
    )
