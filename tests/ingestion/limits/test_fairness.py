"""How long quiet tenants wait beside a greedy one: real hints, claims and ends, on a clock of the test's own.

Eight workers and fifty tenants on one queue. Only time is simulated, so the outcome is the same on a busy machine.
"""

from __future__ import annotations

import heapq
import itertools
import random
from functools import cache, partial
from typing import Any

import pytest
from redis import Redis
from rq.worker_registration import WORKERS_BY_QUEUE_KEY

from ingestion import actions, dispatch, queueing
from ingestion.models import Connection, Run, Tenant
from ingestion.running import closing
from ingestion.running.claims import claim
from tests.ingestion.runs import OPERATOR, configured, new_tenant

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

WORKERS, QUIET, BACKLOG, ASKED = 8, 49, 400, 100
PICK_UP, QUIET_RUN, GREEDY_RUN = 0.1, 1.0, 5.0
"""Seconds: from hint to start on an idle worker, and how long runs take."""
QUEUE = "rq:queue:ingestion-enterprise"


def tenant(connections: int) -> list[Connection]:
    owner = new_tenant()
    Tenant.objects.filter(pk=owner.pk).update(tier="enterprise")
    names = (f"c{number}" for number in range(connections))
    Connection.unscoped.bulk_create([Connection(tenant=owner, pipeline="app.ticking", name=name) for name in names])
    return list(Connection.unscoped.filter(tenant=owner).select_related("tenant"))


class World:
    """Workers that take hints from the real queue and claim real runs, one event after the other."""

    def __init__(self, redis: Redis, greedy: int) -> None:
        self.redis = redis
        self.greedy = greedy
        self.now = 0.0
        self.idle = WORKERS
        self.asked: dict[int, float] = {}
        self.waits: list[float] = []
        self.finished = 0
        self._events: list[Any] = []
        self._order = itertools.count()

    def later(self, seconds: float, what: Any) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._order), what))

    def play(self, until: int) -> None:
        """Until so many quiet runs have started."""
        while len(self.waits) < until:
            self.now, _, what = heapq.heappop(self._events)
            what()
            self.serve()

    def ask(self, connection: Connection) -> None:
        self.asked[actions.run_now(OPERATOR, connection).pk] = self.now

    def serve(self) -> None:
        while self.idle and (job := self.redis.lpop(QUEUE)):
            self.idle -= 1
            self.later(PICK_UP, partial(self._start, int(job.decode().split("-")[1])))  # type: ignore[union-attr]

    def _start(self, pk: int) -> None:
        mine = claim(pk)
        if mine is None:
            self.idle += 1
            return
        run = Run.unscoped.select_related("tenant", "connection").get(pk=pk)
        if pk in self.asked:
            self.waits.append(self.now - self.asked[pk])
        self.later(GREEDY_RUN if run.tenant_id == self.greedy else QUIET_RUN, lambda: self._end(run, mine))

    def _end(self, run: Run, mine: Any) -> None:
        closing.cancel(run, mine)
        self.finished += run.tenant_id == self.greedy
        self.idle += 1


def p95(redis: Redis, *, backlog: bool, fair: bool = True) -> float:
    """The 95th percentile of the quiet runs' waits; with `fair` False the queue is filled as it comes."""
    redis.flushall()
    for number in range(WORKERS):
        redis.sadd(WORKERS_BY_QUEUE_KEY % "ingestion-enterprise", f"rq:worker:{number}")
    hogs = tenant(20)
    quiet = [tenant(1)[0] for _ in range(QUIET)]
    world, draw = World(redis, hogs[0].tenant_id), random.Random(3)
    if backlog:
        rows = [Run(tenant=one.tenant, connection=one, pipeline="app.ticking", kind="upload") for one in hogs]
        Run.unscoped.bulk_create([_again(row) for row in rows for _ in range(BACKLOG // len(rows))])
        if fair:
            dispatch.wake_next(hogs[0].tenant)
        else:
            for pk in Run.unscoped.filter(tenant=hogs[0].tenant).order_by("pk").values_list("pk", flat=True):
                queueing.wake(pk, "enterprise", 0)
    at = 0.0
    for _ in range(ASKED):
        at += draw.expovariate(1)
        world.later(at, partial(world.ask, draw.choice(quiet)))
    world.serve()
    world.play(ASKED)
    assert len(world.waits) == ASKED
    assert world.finished > 30 if backlog else world.finished == 0, "the greedy tenant goes on meanwhile"
    return sorted(world.waits)[int(0.95 * len(world.waits))]


@cache
def p95_idle(redis_server: str) -> float:
    """The base of both measurements."""
    with Redis.from_url(redis_server) as redis:
        return p95(redis, backlog=False)


def _again(row: Run) -> Run:
    return Run(tenant=row.tenant, connection=row.connection, pipeline=row.pipeline, kind=row.kind)


def test_a_great_backlog_at_most_doubles_the_wait_of_quiet_tenants(redis: Redis, redis_server: str) -> None:
    idle, loaded = p95_idle(redis_server), p95(redis, backlog=True)

    print(f"p95 {idle:.3f} s idle, {loaded:.3f} s beside a backlog")
    assert loaded <= 2 * idle


def test_without_fair_turns_the_same_backlog_would_hold_them_up(redis: Redis, redis_server: str) -> None:
    """The control: it shows that the measurement sees unfairness."""
    with configured(TENANT_SHARE=1, BUDGETS={"enterprise": 10}):
        idle, loaded = p95_idle(redis_server), p95(redis, backlog=True, fair=False)

    print(f"p95 {idle:.3f} s idle, {loaded:.3f} s behind a queue filled as it comes")
    assert loaded > 10 * idle
