"""What limits cost and what fair choice brings: `python -m benchmarks.limits [bucket] [fairness]`.

bucket     the time of one `ctx.throttle(1)` that need not wait, as a share of a page that takes 100 ms
fairness   how long runs of 49 quiet tenants wait for one of 8 workers, without and with a 50th tenant that has 100,000
           runs queued in the same queue
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import statistics
import time
from collections.abc import Iterator
from typing import Any

PAGE_SECONDS = 0.1
WORKERS, QUIET, BACKLOG = 8, 49, 100_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("what", nargs="*", choices=["bucket", "fairness"], default=["bucket", "fairness"])
    parser.add_argument("--tiers", nargs="+", default=["pro", "enterprise"], help="of the greedy tenant and all others")
    parser.add_argument("--seconds", type=float, default=60, help="of each phase; idle and loaded phases alternate")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument(
        "--nap", type=float, default=1, help="seconds that a quiet run takes; a greedy one takes five times that"
    )
    given = parser.parse_args()
    _prepare()
    logging.disable(logging.ERROR)
    if "bucket" in given.what:
        bucket()
    if "fairness" in given.what:
        for tier in given.tiers:
            fairness(tier, given.seconds, given.rounds, given.nap)


def _prepare() -> None:
    from tests import servers

    servers.start_redis()
    os.environ["REDIS_URL"] = servers.redis_url()
    os.environ["DATABASE_URL"] = servers.mariadb_url()
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    from django.test.utils import setup_databases

    setup_databases(verbosity=0, interactive=False)


def bucket(calls: int = 20_000) -> None:
    from ingestion import TenantRef
    from ingestion.conf import Rate
    from ingestion.limits.buckets import SharedBucket, key_of
    from ingestion.queueing import client

    shared = SharedBucket(client(), key_of(TenantRef(1, "bench"), "bench"), Rate(per_second=1e6, burst=1e6))
    shared.take(1, 60)
    costs = []
    for _ in range(5):
        cpu, start = time.process_time(), time.perf_counter()
        for _ in range(calls // 5):
            shared.take(1, 60)
        costs.append(((time.perf_counter() - start) / (calls / 5), (time.process_time() - cpu) / (calls / 5)))
    wall, cpu = (statistics.median(one) for one in zip(*costs, strict=True))
    share = 100 * wall / PAGE_SECONDS
    print("| one call's turn | wall µs | client CPU µs | share of a 100 ms page | target |\n|---|---|---|---|---|")
    print(f"| token bucket, {calls:,} calls | {wall * 1e6:.0f} | {cpu * 1e6:.0f} | {share:.2f} % | < 1 % |", flush=True)


def fairness(tier: str, seconds: float, rounds: int, nap: float) -> None:
    from ingestion.models import Connection
    from ingestion.testing import registered

    with registered(_napping(nap)):
        greedy, quiet = _tenants(tier)
        children = [_child(lambda: _work(f"ingestion-{tier}")) for _ in range(WORKERS)]
        children.append(_child(_tick))
        try:
            waits: dict[str, list[float]] = {"idle": [], "loaded": []}
            done = 0
            _ask(quiet, 10)  # everybody warm
            for _ in range(rounds):
                for phase in ("idle", "loaded"):
                    _greedy(greedy, phase == "loaded")
                    time.sleep(3)
                    before = _ended(greedy)
                    waits[phase] += _ask(quiet, seconds)
                    done += _ended(greedy) - before if phase == "loaded" else 0
        finally:
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        Connection.unscoped.filter(tenant=greedy).update(paused_at="2026-01-01T00:00Z")
    _print(tier, waits, done / (rounds * seconds))


def _print(tier: str, waits: dict[str, list[float]], throughput: float) -> None:
    idle, loaded = (_percentile(waits[phase], 95) for phase in ("idle", "loaded"))
    print(f"\nTier {tier}: {WORKERS} workers, {QUIET} quiet tenants, one with {BACKLOG:,} queued runs\n")
    print("| phase | quiet runs | wait p50 s | p95 s | p99 s |\n|---|---|---|---|---|")
    for phase, values in waits.items():
        figures = " | ".join(f"{_percentile(values, share):.3f}" for share in (50, 95, 99))
        print(f"| {phase} | {len(values)} | {figures} |")
    verdict = "met" if loaded <= 2 * idle else "**missed**"
    print(
        f"\np95 loaded / idle: {loaded / idle:.2f} (target ≤ 2: {verdict}); the backlog went on at {throughput:.1f} runs/s"
    )


def _percentile(values: list[float], share: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def _napping(nap: float) -> Any:
    import dataclasses

    from benchmarks.app.pipelines import invoices
    from ingestion import Page

    @dataclasses.dataclass(frozen=True)
    class Napping:
        def extract(self, ctx: Any, checkpoint: Any) -> Iterator[Page]:
            time.sleep(nap * (5 if ctx.tenant.key.startswith("greedy") else 1))
            yield Page((), 1)

    return dataclasses.replace(invoices, name="bench.nap", source=Napping())


def _tenants(tier: str) -> tuple[Any, list[Any]]:
    from django.db import connection

    from ingestion.models import Connection, Run, Tenant

    def tenant(key: str, connections: int) -> Any:
        made = Tenant.objects.create(key=f"{key}-{tier}", name=key, tier=tier)
        names = range(connections)
        Connection.unscoped.bulk_create(
            [Connection(tenant=made, pipeline="bench.nap", name=f"c{one}") for one in names]
        )
        return made

    greedy = tenant("greedy", 100)
    mine = list(Connection.unscoped.filter(tenant=greedy))
    Run.unscoped.bulk_create([Run(tenant=greedy, connection=one, pipeline="bench.nap", kind="manual") for one in mine])
    columns = [field.column for field in Run._meta.concrete_fields if field.column not in ("id", "public_id")]
    names = ", ".join(f"`{name}`" for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO ingestion_run (public_id, {names}) SELECT UUID(), {names} FROM ingestion_run "
            f"JOIN seq_1_to_{BACKLOG // 100 - 1} WHERE tenant_id = %s",
            [greedy.pk],
        )
    quiet = [tenant(f"quiet{number}", 1) for number in range(QUIET)]
    return greedy, list(Connection.unscoped.filter(tenant__in=quiet).select_related("tenant"))


def _greedy(greedy: Any, active: bool) -> None:
    from django.utils import timezone

    from ingestion import dispatch
    from ingestion.models import Connection

    Connection.unscoped.filter(tenant=greedy).update(paused_at=None if active else timezone.now())
    if active:
        dispatch.wake_next(greedy)


def _ended(tenant: Any) -> int:
    from ingestion.models import Run

    return Run.unscoped.filter(tenant=tenant, state=Run.State.SUCCEEDED).count()


def _ask(quiet: list[Any], seconds: float) -> list[float]:
    """Ask for runs of quiet tenants, one a second at random times; how long each waited for its worker."""
    from ingestion import actions
    from ingestion.models import Run

    asked, draw, until = [], random.Random(7), time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(draw.expovariate(1))
        asked.append(actions.run_now(actions.Actor(), draw.choice(quiet)).pk)
    while Run.unscoped.filter(pk__in=asked, state__in=Run.ACTIVE).exists():
        time.sleep(0.1)
    times = Run.unscoped.filter(pk__in=asked).values_list("created_at", "started_at")
    return [(started - created).total_seconds() for created, started in times]


def _work(queue: str) -> None:
    from ingestion import jobs

    jobs.work(queue)


def _tick() -> None:
    from ingestion import scheduling
    from ingestion.conf import config

    while True:
        scheduling.tick()
        time.sleep(config().TICK_SECONDS)


def _child(work: Any) -> int:
    from django.db import connections

    connections.close_all()
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


if __name__ == "__main__":
    main()
