"""Workers killed between commit and acknowledgement, and Redis killed with them: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import time

import pytest

from ingestion.models import Run, Tenant
from ingestion.testing import registered
from tests.databases import all_on_sqlite, seeds
from tests.ingestion.chaos.processes import KILLED, DyingAt, in_child
from tests.ingestion.chaos.sweeps import sweep
from tests.ingestion.runs import carry, counts, dead_letters, effects, expire, finish, new_tenant, queued, rows
from tests.integrations.streams.conftest import KeptRedis
from tests.integrations.streams.entries import GROUP, add_items, reading, stream_of, unacknowledged, unread, wanted

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

POINTS = ["claimed", "extracted", "prepared", "artifact kept", "advanced", "loaded", "before commit", "committed",
          "exhausted", "verified", "before close"]  # fmt: skip
FATES = ["redis lives", "redis dies too"]


def deaths(first: int) -> list[tuple[str, str]]:
    """Each point, with one fate after the other; the engine's own runs are killed at every point of every database."""
    turns = [(point, FATES[(first + number) % 2]) for number, point in enumerate(POINTS)]
    return all_on_sqlite(turns, elsewhere=5)


@pytest.mark.parametrize(("point", "fate"), deaths(0))
def test_a_run_killed_here_reads_every_entry_once(stream_redis: KeptRedis, point: str, fate: str) -> None:
    tenant = new_tenant()
    add_items(stream_redis, tenant, 1, 20)
    with registered(reading(stream_redis, page_size=6)) as pipeline:
        run = queued(pipeline, tenant)

        died = in_child(lambda: carry(run, DyingAt(point, 1 if point in ("claimed", *POINTS[8:]) else 2).hooks))
        add_items(stream_redis, tenant, 21, 25)
        if fate == "redis dies too":
            stream_redis.restart()
        finish(run)

    assert died == KILLED
    assert_exact(stream_redis, run, 25 if point not in POINTS[8:] else run.read)
    after = queued_and_carried(stream_redis, run)
    assert rows(tenant) == wanted(25)
    assert after.skipped == 0


@pytest.mark.parametrize(("point", "fate"), deaths(1))
def test_a_run_killed_here_still_tells_of_a_dead_consumer_s_entries_that_are_gone(
    stream_redis: KeptRedis, point: str, fate: str
) -> None:
    tenant = new_tenant()
    gone = taken_by_the_dead(stream_redis, tenant, 12)[3:9:2]
    with stream_redis.client() as client:
        client.xdel(stream_of(tenant), *gone)
    with registered(reading(stream_redis, page_size=4, claim_after=0.1)) as pipeline:
        run = queued(pipeline, tenant)

        died = in_child(lambda: carry(run, DyingAt(point, 1 if point in ("claimed", *POINTS[8:]) else 2).hooks))
        if fate == "redis dies too":
            stream_redis.restart()
        finish(run)
        again = carry(queued(pipeline, tenant))

    assert died == KILLED
    assert (counts(run), counts(again)) == ((12, 9, 0, 3), (0, 0, 0, 0))
    assert sorted(dead_letter.source_id for dead_letter in dead_letters(tenant)) == gone
    assert unacknowledged(stream_redis, tenant) == 0


@pytest.mark.parametrize("seed", seeds(3))
def test_whatever_is_deleted_from_a_dead_consumer_meanwhile_is_loaded_or_told(
    stream_redis: KeptRedis, seed: int
) -> None:
    draw = random.Random(seed)
    tenant = new_tenant()
    numbers = taken_by_the_dead(stream_redis, tenant, 60)
    add_items(stream_redis, tenant, 61, 70)
    with registered(reading(stream_redis, page_size=draw.choice([1, 3, 7, 100]), claim_after=0.1)) as pipeline:
        run = queued(pipeline, tenant)
        for _ in range(4):
            with stream_redis.client() as client:
                client.xdel(stream_of(tenant), *draw.sample(numbers, 5))
            dying = DyingAt(draw.choice(POINTS[:8]), draw.randrange(1, 6)).hooks
            in_child(lambda dying=dying: carry(run, dying))
            expire(run)
        finish(run)

    told = {dead_letter.source_id for dead_letter in dead_letters(tenant)}
    lost = {one for number, one in enumerate(numbers, 1) if f"rec_{number:04}" not in rows(tenant)}
    assert lost <= told
    assert run.ok + run.dead == run.read == 70
    assert unacknowledged(stream_redis, tenant) == 0


def taken_by_the_dead(server: KeptRedis, tenant: Tenant, count: int) -> list[str]:
    """Entries that another consumer was given long ago; their ids."""
    numbers = add_items(server, tenant, 1, count)
    with server.client() as client:
        client.xgroup_create(stream_of(tenant), GROUP, "0")
        client.xreadgroup(GROUP, "somebody-dead", {stream_of(tenant): ">"}, count=count)
    time.sleep(0.2)
    return numbers


def queued_and_carried(server: KeptRedis, run: Run) -> Run:
    with registered(reading(server)) as pipeline:
        return carry(queued(pipeline, run.tenant))


def assert_exact(server: KeptRedis, run: Run, count: int) -> None:
    """Each of `count` entries was counted once and called the transform's destination once; none is still pending."""
    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (count, count, 0, 0))
    assert effects(run) == sorted(wanted(count))
    assert dead_letters(run.tenant) == []
    assert unacknowledged(server, run.tenant) == 0


@pytest.mark.sqlite  # the engine's own runs are killed like this on every database
def test_a_run_killed_anywhere_reads_every_entry_once(stream_redis: KeptRedis) -> None:
    def prepare() -> Run:
        tenant = new_tenant()
        add_items(stream_redis, tenant, 1, 8)
        return queued(pipeline, tenant)

    def check(run: Run) -> None:
        finish(run)
        assert_exact(stream_redis, run, 8)

    with registered(reading(stream_redis, page_size=5)) as pipeline:
        sweep(prepare, carry, check, least=20)


@pytest.mark.parametrize("seed", seeds(2, elsewhere=1))
def test_a_stream_under_a_storm_of_kills_of_workers_and_redis_loses_and_doubles_nothing(
    stream_redis: KeptRedis, seed: int
) -> None:
    draw = random.Random(seed)
    tenant = new_tenant()
    sent, killed, runs = 0, 0, []
    with registered(reading(stream_redis, page_size=7, limit=60)) as pipeline:
        while sent < 200:
            more = draw.randrange(5, 40)
            add_items(stream_redis, tenant, sent + 1, sent + more)
            sent += more
            run = queued(pipeline, tenant)
            runs.append(run)
            for _ in range(draw.randrange(0, 3)):
                dying = DyingAt(draw.choice(POINTS), draw.randrange(1, 6)).hooks
                killed += in_child(lambda run=run, dying=dying: carry(run, dying)) == KILLED
                expire(run)
                if draw.random() < 0.4:
                    stream_redis.restart()
            finish(run)
        while unread(stream_redis, tenant) or unacknowledged(stream_redis, tenant):
            runs.append(carry(queued(pipeline, tenant)))

    for run in runs:
        run.refresh_from_db()
    assert killed > 2
    assert rows(tenant) == wanted(sent)
    assert sum(run.read for run in runs) == sum(run.ok for run in runs) == sent
    assert {run.state for run in runs} == {Run.State.SUCCEEDED}
    assert dead_letters(tenant) == []
