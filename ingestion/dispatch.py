"""Whose turn it is: which queued runs workers are told about.

A queue in Redis is first come, first served, so what is put into it must be fair already. Of each tenant no more runs
are told of than it may start: its concurrency budget, and its share of the queue's workers, less what is running. A
tenant with 100,000 queued runs has a handful of wake-ups in the queue like every other; each run that ends brings the
next one in, at the end of the line. Decided from the database each time, and only a matter of speed: whether a run may
start is decided by its claim.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection
from functools import cache

from django.db import transaction
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from ingestion import limits, queueing
from ingestion.conf import config
from ingestion.database.clock import DbNow
from ingestion.models import Connection, Run, Tenant

_LOOK = 50
"""Runs at the head of a tenant's line that are looked at."""


def is_due() -> Q:
    """Runs whose wait for another attempt, if any, is over."""
    return Q(not_before__isnull=True) | Q(not_before__lte=DbNow())


def is_able() -> Q:
    """Runs that somebody may carry: their connection is not paused, or they are to be cancelled, which ends them."""
    return Q(Exists(unpaused())) | Q(cancel_requested=True)


def unpaused() -> QuerySet[Connection]:
    """The connection of the run asked about, unless it is paused."""
    return Connection.unscoped.filter(pk=OuterRef("connection_id"), paused_at__isnull=True)


def at_work() -> QuerySet[Run]:
    """Runs that hold a slot of their tenant's budget."""
    return Run.unscoped.filter(state=Run.State.RUNNING, slot_key__isnull=False)


def fair(due: QuerySet[Connection], limit: int) -> list[Connection]:
    """At most `limit` of the `due` connections: every tenant's first, then every tenant's second, and so on."""
    turn = Window(RowNumber(), partition_by=F("tenant_id"), order_by=[F("next_due"), F("pk")])
    line = list(due.annotate(turn=turn).order_by("turn", "next_due").values_list("pk", flat=True)[:limit])
    rows = Connection.unscoped.select_related("tenant").in_bulk(line)
    return [rows[pk] for pk in line if pk in rows]


def wake(run: Run) -> None:
    """After the commit, tell a worker about a new run, if it is its turn; else the end of another one will."""
    transaction.on_commit(lambda: _hint_new(run), robust=True)


def _hint_new(run: Run) -> None:
    tenant = run.tenant
    if run.not_before is not None and run.not_before > timezone.now():
        return  # the tick wakes a worker for it when its time has come
    workers = queueing.workers(tenant.tier)
    if workers is None:
        # The wake-up says that Redis is away. Were it back by now, the claim decides who may start.
        queueing.wake(run.pk, tenant.tier, run.fence)
        return
    busy, running = _at_work_of(tenant.pk)
    if run.connection_id in busy:
        return
    older = _line(tenant.pk).filter(pk__lt=run.pk).order_by("-pk").values_list("connection_id", flat=True)[:_LOOK]
    ahead = set(older) - busy
    if run.connection_id not in ahead and len(ahead) + running < _share(tenant.tier, workers):
        queueing.wake(run.pk, tenant.tier, run.fence)


def room_for_shards(tenant: Tenant) -> int:
    """Shards of backfills that workers may be told about now: a live run that waits goes first."""
    busy, running = _at_work_of(tenant.pk)
    free = allowed(tenant.tier) - running
    waiting = len(list(_next(tenant.pk, 1, busy))) if free > 0 else 0
    return max(0, free - waiting)


def freed(tenant: Tenant) -> None:
    """A run of `tenant` has ended or was given back: bring the next ones in. While Redis is away the tick will."""
    workers = queueing.workers(tenant.tier)
    if workers is None:
        return
    busy, running = _at_work_of(tenant.pk)
    free = _share(tenant.tier, workers) - running
    if free <= 0:
        return
    for pk, fence in _next(tenant.pk, free, busy):
        queueing.wake(pk, tenant.tier, fence)


def _next(tenant: int, count: int, busy: Collection[int]) -> list[tuple[int, int]]:
    """The oldest queued run of each connection that is free, at most `count` of them; id and fence.

    Only the head of the line is read, which may be all of one connection. Mostly one slot has become free and one run
    is wanted; the tick looks at every connection.
    """
    line = _line(tenant).exclude(connection_id__in=busy)
    run_by_connection: dict[int, tuple[int, int]] = {}
    for connection, pk, fence in line.order_by("pk").values_list("connection_id", "pk", "fence")[:_LOOK]:
        run_by_connection.setdefault(connection, (pk, fence))
    return list(run_by_connection.values())[:count]


def waiting(limit: int, always: Collection[int] = ()) -> list[Run]:
    """Of every tenant with room, the oldest queued runs of connections that are free, as many as it may start.

    Of `limit` tenants at most, beside those in `always`; where there are more, chance decides which, so that no tenant
    waits for ever behind others whose wake-ups come to nothing.
    """
    running = dict(at_work().order_by().values_list("tenant_id").annotate(Count("pk")))
    tiers = dict(Tenant.objects.filter(pk__in=running).values_list("pk", "tier"))
    room = cache(allowed)
    full = [tenant for tenant, tier in tiers.items() if running[tenant] >= room(tier)]
    busy = Run.unscoped.filter(active_key=OuterRef("connection_id"))
    line = Run.unscoped.filter(is_able(), is_due(), ~Exists(busy), state=Run.State.QUEUED, parent__isnull=True).exclude(
        tenant_id__in=full
    )
    heads = line.order_by().values("tenant_id", "connection_id").annotate(first=Min("pk"))
    turn = Window(RowNumber(), partition_by=F("tenant_id"), order_by=[F("first")])
    turns = heads.annotate(turn=turn).filter(turn__lte=max(config().BUDGETS.values()))
    first_runs = [(row["turn"], row["tenant_id"], row["first"]) for row in turns]
    tenants = {tenant for _, tenant, _ in first_runs}
    if len(tenants) > limit:
        tenants = {*random.sample(sorted(tenants), limit), *always}
    chosen = {first: turn for turn, tenant, first in first_runs if tenant in tenants}
    runs = Run.unscoped.filter(pk__in=chosen).select_related("tenant")
    startable = [run for run in runs if chosen[run.pk] + running.get(run.tenant_id, 0) <= room(run.tenant.tier)]
    return sorted(startable, key=lambda run: (chosen[run.pk], run.pk))


def allowed(tier: str) -> int:
    """Runs of one tenant of `tier` that workers are told about at once."""
    return _share(tier, queueing.workers(tier))


def _share(tier: str, workers: int | None) -> int:
    budget = limits.budget_of(tier)
    if not workers:
        return budget
    return min(budget, max(1, math.ceil(workers * max(config().TENANT_SHARE, 1 / _served_with(tier)))))


def _served_with(tier: str) -> int:
    """Tenants with a live connection that share the queue of `tier`, at least 1, counted as far as it matters."""
    matters = math.ceil(1 / config().TENANT_SHARE)
    if matters == 1:
        return 1
    queue = queueing.queue_of(tier)
    tiers = [tier for tier in Tenant.Tier.values if queueing.queue_of(tier) == queue]
    live = Connection.unscoped.filter(tenant=OuterRef("pk"), paused_at__isnull=True)
    tenants = Tenant.objects.filter(Exists(live), tier__in=tiers).order_by().values_list("pk", flat=True)
    return max(1, len(tenants[:matters]))


def _line(tenant: int) -> QuerySet[Run]:
    return Run.unscoped.filter(is_able(), is_due(), tenant_id=tenant, state=Run.State.QUEUED, parent__isnull=True)


def _at_work_of(tenant: int) -> tuple[set[int], int]:
    """The connections whose live runs are running, and how many runs hold a slot, shards of backfills included.

    Live runs are never two of one connection; shards run beside them.
    """
    running = Run.unscoped.filter(tenant_id=tenant, state=Run.State.RUNNING)
    rows = list(running.values_list("connection_id", "active_key", "slot_key"))
    busy = {connection for connection, active_key, _ in rows if active_key == connection}
    return busy, sum(slot_key is not None for _, _, slot_key in rows)
