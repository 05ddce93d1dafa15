"""Fair dispatch: which queued runs workers are woken for.

A queue in Redis is first come, first served, so its wake-ups must be fair already. A tenant gets no more wake-ups than
it may start runs: its concurrency budget, and its share of the queue's workers, less its running runs. A tenant with
100,000 queued runs has a handful of wake-ups in the queue like every other; each run that ends sends the next wake-up,
to the end of the queue. All of this is read from the database each time, and only a matter of speed: whether a run may
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

_HEAD = 50
"""Runs at the head of a tenant's queue that are read."""


def is_due() -> Q:
    """Runs whose wait for another attempt, if any, is over."""
    return Q(not_before__isnull=True) | Q(not_before__lte=DbNow())


def is_able() -> Q:
    """Runs that may be executed: their connection is not paused, or they are to be cancelled, which ends them."""
    return Q(Exists(unpaused())) | Q(cancel_requested=True)


def unpaused() -> QuerySet[Connection]:
    """The connection of the outer query's run, unless it is paused."""
    return Connection.unscoped.filter(pk=OuterRef("connection_id"), paused_at__isnull=True)


def running_within_budget() -> QuerySet[Run]:
    """Running runs that count against their tenant's budget."""
    return Run.unscoped.filter(state=Run.State.RUNNING, slot_key__isnull=False)


def fair(due: QuerySet[Connection], limit: int) -> list[Connection]:
    """At most `limit` of the `due` connections: every tenant's first, then every tenant's second, and so on."""
    position = Window(RowNumber(), partition_by=F("tenant_id"), order_by=[F("next_due"), F("pk")])
    ids = list(due.annotate(position=position).order_by("position", "next_due").values_list("pk", flat=True)[:limit])
    rows = Connection.unscoped.select_related("tenant").in_bulk(ids)
    return [rows[pk] for pk in ids if pk in rows]


def wake(run: Run) -> None:
    """Wake a worker for a new run after the commit, if the run may start; otherwise the end of another run does."""
    transaction.on_commit(lambda: _wake_if_next(run), robust=True)


def _wake_if_next(run: Run) -> None:
    tenant = run.tenant
    if run.not_before is not None and run.not_before > timezone.now():
        return  # the tick wakes a worker for it when it is due
    workers = queueing.workers(tenant.tier)
    if workers is None:
        # Sending it logs that Redis is away. If Redis is back by now, the claim decides whether the run may start.
        queueing.wake(run.pk, tenant.tier, run.fence)
        return
    busy, running = _busy_connections(tenant.pk)
    if run.connection_id in busy:
        return
    older = _queued(tenant.pk).filter(pk__lt=run.pk).order_by("-pk").values_list("connection_id", flat=True)[:_HEAD]
    waiting_connections = set(older) - busy
    is_first = run.connection_id not in waiting_connections
    if is_first and len(waiting_connections) + running < _share(tenant.tier, workers):
        queueing.wake(run.pk, tenant.tier, run.fence)


def room_for_shards(tenant: Tenant) -> int:
    """How many shards workers may be woken for now: a live run that waits goes first."""
    busy, running = _busy_connections(tenant.pk)
    free = allowed(tenant.tier) - running
    waiting = len(list(_next(tenant.pk, 1, busy))) if free > 0 else 0
    return max(0, free - waiting)


def wake_next(tenant: Tenant) -> None:
    """Wake workers for the next runs of `tenant`, one of whose runs has ended or was requeued.

    While Redis is away nothing is sent; the tick does it later.
    """
    workers = queueing.workers(tenant.tier)
    if workers is None:
        return
    busy, running = _busy_connections(tenant.pk)
    free = _share(tenant.tier, workers) - running
    if free <= 0:
        return
    for pk, fence in _next(tenant.pk, free, busy):
        queueing.wake(pk, tenant.tier, fence)


def _next(tenant: int, count: int, busy: Collection[int]) -> list[tuple[int, int]]:
    """Id and fence of the oldest queued run of each connection without a running one, at most `count` of them.

    Only the head of the queue is read, which may be all of one connection. Mostly one slot has become free and one run
    is needed; the tick reads every connection.
    """
    queued = _queued(tenant).exclude(connection_id__in=busy)
    heads: dict[int, tuple[int, int]] = {}
    for connection, pk, fence in queued.order_by("pk").values_list("connection_id", "pk", "fence")[:_HEAD]:
        heads.setdefault(connection, (pk, fence))
    return list(heads.values())[:count]


def startable(limit: int, always: Collection[int] = ()) -> list[Run]:
    """The oldest queued runs of every tenant with a free slot, one of each connection, as many as the tenant may start.

    At most `limit` tenants, and those in `always`. Where there are more, the tenants are chosen at random, so that none
    waits for ever behind others whose wake-ups have no effect.
    """
    running = dict(running_within_budget().order_by().values_list("tenant_id").annotate(Count("pk")))
    tiers = dict(Tenant.objects.filter(pk__in=running).values_list("pk", "tier"))
    budget = cache(allowed)
    full = [tenant for tenant, tier in tiers.items() if running[tenant] >= budget(tier)]
    busy = Run.unscoped.filter(active_key=OuterRef("connection_id"))
    queued = Run.unscoped.filter(
        is_able(), is_due(), ~Exists(busy), state=Run.State.QUEUED, parent__isnull=True
    ).exclude(tenant_id__in=full)
    heads = queued.order_by().values("tenant_id", "connection_id").annotate(first=Min("pk"))
    position = Window(RowNumber(), partition_by=F("tenant_id"), order_by=[F("first")])
    rows = heads.annotate(position=position).filter(position__lte=max(config().BUDGETS.values()))
    candidates = [(row["position"], row["tenant_id"], row["first"]) for row in rows]
    tenants = {tenant for _, tenant, _ in candidates}
    if len(tenants) > limit:
        tenants = {*random.sample(sorted(tenants), limit), *always}
    chosen = {first: position for position, tenant, first in candidates if tenant in tenants}
    runs = Run.unscoped.filter(pk__in=chosen).select_related("tenant")
    next_runs = [run for run in runs if chosen[run.pk] + running.get(run.tenant_id, 0) <= budget(run.tenant.tier)]
    return sorted(next_runs, key=lambda run: (chosen[run.pk], run.pk))


def allowed(tier: str) -> int:
    """How many runs of one tenant of `tier` workers are woken for at once."""
    return _share(tier, queueing.workers(tier))


def _share(tier: str, workers: int | None) -> int:
    budget = limits.budget_of(tier)
    if not workers:
        return budget
    return min(budget, max(1, math.ceil(workers * max(config().TENANT_SHARE, 1 / _tenants_sharing_queue(tier)))))


def _tenants_sharing_queue(tier: str) -> int:
    """How many tenants with a live connection share the queue of `tier`: at least 1, counted as far as it matters."""
    most = math.ceil(1 / config().TENANT_SHARE)
    if most == 1:
        return 1
    queue = queueing.queue_of(tier)
    tiers = [candidate for candidate in Tenant.Tier.values if queueing.queue_of(candidate) == queue]
    live = Connection.unscoped.filter(tenant=OuterRef("pk"), paused_at__isnull=True)
    tenants = Tenant.objects.filter(Exists(live), tier__in=tiers).order_by().values_list("pk", flat=True)
    return max(1, len(tenants[:most]))


def _queued(tenant: int) -> QuerySet[Run]:
    return Run.unscoped.filter(is_able(), is_due(), tenant_id=tenant, state=Run.State.QUEUED, parent__isnull=True)


def _busy_connections(tenant: int) -> tuple[set[int], int]:
    """The connections whose live runs are running, and how many runs count against the budget, shards included.

    Live runs are never two of one connection; shards run beside them.
    """
    running = Run.unscoped.filter(tenant_id=tenant, state=Run.State.RUNNING)
    rows = list(running.values_list("connection_id", "active_key", "slot_key"))
    busy = {connection for connection, active_key, _ in rows if active_key == connection}
    return busy, sum(slot_key is not None for _, _, slot_key in rows)
