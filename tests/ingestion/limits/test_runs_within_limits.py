"""Runs, dry runs and previews wait for their tenant's rate, and stop waiting when they are asked to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis

from ingestion import Context, Page, Pipeline, Transient, actions
from ingestion.conf import Rate
from ingestion.database.clock import read_db_now
from ingestion.limits.buckets import SharedBucket, key_of
from ingestion.models import Run
from ingestion.running import Hooks, dry_run
from ingestion.running.execution import outside_a_run
from ingestion.testing import Records, make_tenant, registered
from ingestion.vault import credentials
from tests.ingestion.runs import OPERATOR, carry, configured, events, items, new_tenant, over, queued

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

HOURLY = Rate(per_second=0.001, burst=1)
RATES = {"slow": {"*": {"per_second": 20, "burst": 2}}, "hourly": {"*": HOURLY.model_dump()}}


@dataclass(frozen=True)
class Calling:
    """One call a page."""

    pages: int = 3
    hold: float = 0

    def extract(self, ctx: Context, checkpoint: Any) -> Iterator[Page]:
        for page in Records(items(self.pages), page_size=1).extract(ctx, checkpoint):
            ctx.throttle(1)
            if self.hold:
                ctx.hold_off(self.hold)
            yield page


@pytest.fixture(autouse=True)
def rates() -> Iterator[None]:
    with configured(RATES={**RATES, "*": {"*": {"per_second": 1000, "burst": 1000}}}):
        yield


def calling(integration: str = "slow", **values: Any) -> Pipeline:
    return over([], source=Calling(**values), integration=integration)


def until_its_turn(run: Run, redis: Redis) -> float:
    """Seconds that are left of the hourly wait of the second call of `run`, which has taken its place in the line."""
    return SharedBucket(redis, key_of(run.tenant.ref, "hourly"), HOURLY).take(1, 0).wait - 1 / HOURLY.per_second


@pytest.mark.slow
def test_a_runs_calls_come_out_of_its_tenants_bucket(redis: Redis) -> None:
    with registered(calling(pages=8)) as pipeline:
        run = queued(pipeline)
        started = time.monotonic()
        carry(run)

    assert run.state == Run.State.SUCCEEDED
    assert time.monotonic() - started >= 6 / 20
    assert redis.exists(f"ingestion:{run.tenant.key}:bucket:slow")


@pytest.mark.slow
def test_config_names_the_integration_and_a_source_without_one_has_its_pipelines_rate(redis: Redis) -> None:
    tenant = new_tenant()
    with registered(calling("")) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        carry(actions.run_now(OPERATOR, connection, wake=False))
        carry(actions.run_now(OPERATOR, connection, config={"integration": "slow"}, wake=False))

    keys = {key.decode().rpartition(":")[2] for key in redis.keys(f"ingestion:{tenant.key}:*")}  # type: ignore[union-attr]
    assert keys == {pipeline.name, "slow"}


def test_a_run_that_would_wait_too_long_is_given_back_and_frees_its_slot(redis: Redis) -> None:
    with registered(calling("hourly")) as pipeline:
        run = carry(queued(pipeline))

    assert (run.state, run.read, run.slot_key, run.attempts) == (Run.State.QUEUED, 1, None, 1)
    assert run.not_before is not None
    assert (run.not_before - read_db_now()).total_seconds() > 900
    assert events(run)[-1] == "retry"
    assert run.tenant.key in run.error_message


@pytest.mark.slow
def test_a_hold_asked_for_in_one_run_stops_the_next_run_of_the_tenant_and_no_other(redis: Redis) -> None:
    tenant = new_tenant()
    with registered(calling(pages=1, hold=300)) as pipeline:
        carry(queued(pipeline, tenant))
        held, free = carry(queued(pipeline, tenant)), carry(queued(pipeline))

    assert held.state == Run.State.QUEUED
    assert free.state == Run.State.SUCCEEDED


def test_cancelling_a_run_ends_its_wait(redis: Redis) -> None:
    with registered(calling("hourly")) as pipeline, configured(THROTTLE_SECONDS=10_000, LEASE_SECONDS=1):
        run = queued(pipeline)

        def at(point: str) -> None:
            if point == "committed":
                actions.cancel(OPERATOR, run)

        carry(run, Hooks(at=at))

    assert run.state == Run.State.CANCELLED
    assert until_its_turn(run, redis) > 0


def test_a_worker_asked_to_stop_gives_a_waiting_run_back_at_once(redis: Redis) -> None:
    with registered(calling("hourly")) as pipeline, configured(THROTTLE_SECONDS=10_000):
        run = queued(pipeline)
        asked: list[int] = []

        def stop() -> bool:
            asked.append(1)
            return len(asked) > 1  # not at the first page's boundary, but while waiting for the second

        carry(run, Hooks(stop=stop))

    assert (run.state, run.attempts, run.read) == (Run.State.QUEUED, 0, 1)
    assert len(asked) == 2, "it looked again after it was asked to stop"
    assert until_its_turn(run, redis) > 0


def test_a_name_in_a_config_is_no_fresh_bucket_unless_a_credential_or_a_rate_has_it(redis: Redis) -> None:
    tenant, other = new_tenant(), new_tenant()
    credentials.put(tenant.ref, "shop", {"hosts": "api.example.com"}, cause="set")
    credentials.put(other.ref, "theirs", {"hosts": "api.example.com"}, cause="set")
    with registered(calling("hourly")) as pipeline:
        connection = actions.connect(OPERATOR, tenant, pipeline.name)
        outside_a_run(pipeline, connection, {"integration": "fresh"}).throttle(1)
        for name in ("fresher", "theirs", "Shop", "hourly"):
            with pytest.raises(Transient):
                outside_a_run(pipeline, connection, {"integration": name}).throttle(1)
        outside_a_run(pipeline, connection, {"integration": "shop"}).throttle(1)
        outside_a_run(pipeline, connection, {"integration": "slow"}).throttle(1)
        run = actions.run_now(OPERATOR, connection, wake=False, config={"integration": "freshest"})
        carry(run)

    assert run.state != Run.State.SUCCEEDED
    buckets = {key.decode().rpartition(":")[2] for key in redis.keys(f"ingestion:{tenant.key}:bucket:*")}
    assert {name.split("/")[0] for name in buckets} <= {"hourly", "shop", "slow"}


def test_a_dry_run_and_a_preview_keep_to_the_rate_and_wait_only_as_long_as_a_person(redis: Redis) -> None:
    tenant = make_tenant("looking")
    with registered(calling("hourly")) as pipeline:
        report = dry_run.dry_run(tenant, pipeline)
        ctx = outside_a_run(pipeline, actions.connect(OPERATOR, tenant, pipeline.name))
        with pytest.raises(Transient):
            ctx.throttle(1)

    assert report.failure.startswith("HeldOff")
    assert report.pages == 1


@pytest.mark.slow
def test_without_redis_a_run_goes_on_slowly(caplog: pytest.LogCaptureFixture) -> None:
    with registered(calling(pages=2)) as pipeline, configured(RATE_WITHOUT_REDIS=0.5):
        run = queued(pipeline)
        from tests.ingestion.chaos.processes import in_child

        def without_redis() -> None:
            from django_rq.settings import QUEUES

            for queue in QUEUES.values():
                queue["URL"] = "unix:///nowhere/redis.sock"
            carry(run)

        assert in_child(without_redis) == 0

    run.refresh_from_db()
    assert (run.state, run.read) == (Run.State.SUCCEEDED, 2)
