"""Concurrency budgets: the database never lets a tenant have more running runs than its tier allows, and none leaks."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion import Pipeline, actions, queueing
from ingestion.database.clock import db_now_plus
from ingestion.database.retrying import retry_conflicts
from ingestion.models import Run, Tenant
from ingestion.running import Hooks
from ingestion.running.claims import claim, requeue
from ingestion.testing import registered
from tests.ingestion.chaos.processes import KILLED, DyingAt, end, in_child, start_child
from tests.ingestion.runs import OPERATOR, carry, configured, expire, finish, items, new_tenant, over

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed", "redis"),
]


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    with registered(over(items(4), page=2)) as pipeline:
        yield pipeline


def tenant(tier: str = "pro") -> Tenant:
    made = new_tenant()
    Tenant.objects.filter(pk=made.pk).update(tier=tier)
    made.refresh_from_db()
    return made


def queued(pipeline: Pipeline, owner: Tenant, count: int = 1) -> list[Run]:
    """`count` queued runs, each of a connection of its own."""
    connections = [actions.connect(OPERATOR, owner, pipeline.name, f"c{number}") for number in range(count)]
    return [actions.run_now(OPERATOR, connection, wake=False) for connection in connections]


def slots(owner: Tenant) -> list[int]:
    held = Run.unscoped.filter(tenant=owner, slot_key__isnull=False).values_list("slot_key", flat=True)
    return sorted(slot - owner.pk * 1000 for slot in held)


def test_a_tenant_runs_as_many_at_once_as_its_tier_allows(pipeline: Pipeline) -> None:
    for tier, budget in {"free": 1, "pro": 3, "enterprise": 10}.items():
        runs = queued(pipeline, owner := tenant(tier), budget + 2)

        claims = [claim(run.pk) for run in runs]

        assert sum(one is not None for one in claims) == budget
        assert slots(owner) == list(range(budget))
        assert Run.unscoped.filter(tenant=owner, state=Run.State.QUEUED).count() == 2


def test_thirty_claims_at_once_from_eight_processes_never_exceed_the_budget(pipeline: Pipeline, tmp_path: Path) -> None:
    owner = tenant("pro")
    ids = [run.pk for run in queued(pipeline, owner, 30)]
    (tmp_path / "seen").touch()

    def enough() -> bool:
        """Many claims, and as many runs at once as there may be, have been seen."""
        lines = (tmp_path / "seen").read_text().split()
        return len(lines) >= 50 and "3" in lines

    def work() -> None:
        while True:
            for pk in sorted(ids, key=lambda one: hash((one, os.getpid()))):
                if enough():
                    return
                mine = claim(pk)
                if mine is None:
                    continue
                seen = Run.unscoped.filter(tenant_id=owner.pk, state=Run.State.RUNNING).count()
                with (tmp_path / "seen").open("a") as file:
                    file.write(f"{seen}\n")
                assert retry_conflicts(lambda mine=mine: requeue(mine))  # type: ignore[misc]

    codes = [end(child) for child in [start_child(work) for _ in range(8)]]
    seen = [int(line) for line in (tmp_path / "seen").read_text().split()]

    assert codes == [0] * 8
    assert max(seen) == 3, "both the budget and its use are proven"
    assert slots(owner) == []


@pytest.mark.parametrize("ending", ["succeeded", "failed", "given back", "cancelled", "paused"])
def test_every_end_of_a_run_frees_its_slot(pipeline: Pipeline, ending: str) -> None:
    owner = tenant("free")
    (run,) = queued(pipeline, owner)

    def at(point: str) -> None:
        if point != "committed":
            return
        match ending:
            case "failed":
                raise RuntimeError
            case "given back":
                raise ConnectionError
            case "cancelled":
                actions.cancel(OPERATOR, run)
            case "paused":
                actions.pause(OPERATOR, run.connection, "repairs")

    carry(run, Hooks(at=at, sleep=lambda seconds: None))

    assert run.state == (Run.State.QUEUED if ending in ("given back", "paused") else ending)
    assert run.slot_key is None
    assert slots(owner) == []


def test_a_dead_worker_leaks_no_slot(pipeline: Pipeline) -> None:
    owner = tenant("free")
    first, second = queued(pipeline, owner, 2)
    in_child(lambda: carry(first, DyingAt("committed").hooks))
    assert slots(owner) == [0]

    carry(second)
    assert second.state == Run.State.QUEUED, "the dead worker's run still holds the one slot"
    finish(first)
    carry(second)

    assert (first.state, first.fence, second.state) == (Run.State.SUCCEEDED, 2, Run.State.SUCCEEDED)
    assert slots(owner) == []


def test_a_takeover_keeps_the_slot_also_when_all_others_are_taken(pipeline: Pipeline) -> None:
    owner = tenant("pro")
    runs = queued(pipeline, owner, 4)
    for run in runs[:3]:
        claim(run.pk)
    held = {run.pk: Run.unscoped.get(pk=run.pk).slot_key for run in runs[:3]}

    expire(runs[1])
    again, other = claim(runs[1].pk), claim(runs[3].pk)

    assert again is not None
    assert again.fence == 2
    assert other is None
    assert Run.unscoped.get(pk=runs[1].pk).slot_key == held[runs[1].pk]


def test_a_run_that_ran_before_budgets_existed_gets_a_slot_when_it_is_taken_over(pipeline: Pipeline) -> None:
    owner = tenant("free")
    (run,) = queued(pipeline, owner)
    claim(run.pk)
    Run.unscoped.filter(pk=run.pk).update(slot_key=None, lease_until=db_now_plus(-1))

    assert claim(run.pk) is not None
    assert slots(owner) == [0]


def test_a_lower_budget_lets_active_runs_end_and_starts_no_more_until_it_is_kept(pipeline: Pipeline) -> None:
    owner = tenant("pro")
    runs = queued(pipeline, owner, 5)
    claims = [claim(run.pk) for run in runs[:3]]

    with configured(BUDGETS={"free": 1, "pro": 1}):
        for mine in claims[:2]:
            assert mine is not None
            assert claim(runs[3].pk) is None
            requeue(mine)
        assert claim(runs[3].pk) is None
        assert claims[2] is not None
        requeue(claims[2])

        assert claim(runs[3].pk) is not None
        assert claim(runs[4].pk) is None


def test_a_tenants_slots_are_no_other_tenants(pipeline: Pipeline) -> None:
    full, other = tenant("free"), tenant("free")
    runs = queued(pipeline, full, 2)
    claim(runs[0].pk)
    (others,) = queued(pipeline, other)

    assert claim(runs[1].pk) is None
    assert claim(others.pk) is not None
    assert (slots(full), slots(other)) == ([0], [0])


def test_the_loser_stays_queued_and_is_hinted_at_when_a_slot_frees(pipeline: Pipeline) -> None:
    import django_rq

    owner = tenant("free")
    first, second = queued(pipeline, owner, 2)
    mine = claim(first.pk)
    queueing.wake(second.pk, owner.tier, 0)
    assert in_child(lambda: queueing.work("ingestion-free", lost=lambda run, pid, status: None, burst=True)) == 0
    second.refresh_from_db()
    assert (second.state, second.attempts, second.deaths) == (Run.State.QUEUED, 0, 0)
    assert mine is not None

    requeue(mine, failed=True, delay=60)

    assert django_rq.get_queue("ingestion-free").job_ids == [f"run-{second.pk}-0"]


def test_workers_killed_at_random_neither_leak_nor_exceed_the_budget(pipeline: Pipeline) -> None:
    owner = tenant("pro")
    ids = [run.pk for run in queued(pipeline, owner, 12)]

    def work() -> None:
        while True:
            for pk in ids:
                Run.unscoped.filter(pk=pk, state=Run.State.RUNNING, lease_until__lt=db_now_plus(59)).update(
                    lease_until=db_now_plus(-1)
                )
                mine = claim(pk)
                if mine is not None:
                    time.sleep(0.03)
                    retry_conflicts(lambda mine=mine: requeue(mine))  # type: ignore[misc]

    children = [start_child(work) for _ in range(4)]
    owners_killed = 0
    for number in range(16):
        time.sleep(0.1)
        os.kill(children[number % 4], signal.SIGKILL)
        assert end(children[number % 4]) == KILLED
        owners_killed += Run.unscoped.filter(
            pk__in=ids, slot_key__isnull=False, worker_pid=children[number % 4]
        ).exists()
        children[number % 4] = start_child(work)
        assert Run.unscoped.filter(tenant=owner, slot_key__isnull=False).count() <= 3
    for child in children:
        os.kill(child, signal.SIGKILL)
        end(child)
    assert owners_killed > 0, "each of them held nothing when it was killed"
    # First those that the killed ones left behind: they hold their slots until somebody takes them over.
    for run in sorted(Run.unscoped.filter(pk__in=ids), key=lambda run: (run.state != Run.State.RUNNING, run.pk)):
        finish(run)
        assert run.state == Run.State.SUCCEEDED

    assert slots(owner) == []
