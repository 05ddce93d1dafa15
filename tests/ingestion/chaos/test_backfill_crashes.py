"""A backfill whose processes are killed anywhere, and at random: each day counts once, it ends once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections

from ingestion import Pipeline, actions, running, scheduling
from ingestion.database.clock import db_now_plus
from ingestion.models import Connection, Event, Run
from ingestion.running import Hooks
from ingestion.testing import Records, registered
from tests.ingestion.chaos.processes import KILLED, end, start_child
from tests.ingestion.chaos.sweeps import sweep
from tests.ingestion.runs import (
    OPERATOR,
    carry,
    configured,
    counts,
    dead_letters,
    effects,
    expire,
    item,
    new_tenant,
    over,
    rows,
    watermarks,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
START, DAY = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=1)
DAYS, A_DAY = 4, 3
RECORDS = [
    item(day * 100 + number, at=(START + day * DAY + number * timedelta(hours=7)).isoformat())
    for day in range(DAYS)
    for number in range(1, A_DAY + 1)
]
EVERYTHING = {one["id"]: one["amount"] for one in RECORDS}


@pytest.fixture
def pipeline() -> Iterator[Pipeline]:
    with registered(over(RECORDS, source=Records(RECORDS, page_size=2, time="at"))) as value:
        yield value


def connected(pipeline: Pipeline) -> Connection:
    connection = actions.connect(OPERATOR, new_tenant(tier="enterprise"), pipeline.name)
    actions.rewind(OPERATOR, connection, START + 2 * DAY, "where the live runs stand")
    return connection


def begin(connection: Connection, days: int = DAYS, parallel: int = 2) -> Run:
    return actions.backfill(
        OPERATOR, connection, START, START + days * DAY, reason="again", parallel=parallel, wake=False
    )


def finish(parent: Run, tries: int = 40) -> Run:
    """What other workers and the tick do."""
    for _ in range(tries):
        for shard in parent.shards.filter(state__in=Run.ACTIVE).order_by("pk"):
            expire(shard)
            carry(shard)
        scheduling.tick()
        parent.refresh_from_db()
        if parent.state in Run.TERMINAL:
            return parent
    raise AssertionError(f"{parent} is still {parent.state}")


def assert_exact(parent: Run, days: int) -> None:
    """Each of the first `days` was loaded by its own shard, once, and their backfill ended well, once."""
    everything = {one["id"]: one["amount"] for one in RECORDS[: days * A_DAY]}
    shards = list(parent.shards.order_by("pk"))
    loaded = sorted(key for shard in shards for key in effects(shard))
    ends = Event.unscoped.filter(run=parent, name__in=Run.TERMINAL).values_list("name", flat=True)

    assert parent.state == Run.State.SUCCEEDED
    assert list(ends) == [parent.state]
    assert rows(parent.tenant) == everything
    assert loaded == sorted(everything)
    assert counts(parent) == (len(everything), len(everything), 0, 0)
    assert [counts(shard) for shard in shards] == [(A_DAY, A_DAY, 0, 0)] * days
    assert [shard.active_key for shard in shards] == [None] * days
    assert watermarks(parent.connection) == [START + 2 * DAY]


def test_a_backfill_killed_while_it_is_made_is_there_whole_or_not_at_all(pipeline: Pipeline) -> None:
    def check(connection: Connection) -> None:
        runs = Run.unscoped.filter(connection=connection)
        parents = runs.filter(parent__isnull=True).count()
        assert (parents, runs.count()) in [(0, 0), (1, DAYS + 1)]

    sweep(lambda: connected(pipeline), begin, check, least=2)


def test_the_last_shard_killed_anywhere_leaves_a_backfill_that_ends_exactly_once() -> None:
    pipeline = over(RECORDS, source=Records(RECORDS, page_size=A_DAY, time="at"))

    def prepare() -> Run:
        """With one shard that has ended before it; the last one's changes are the same however many have."""
        first, last = begin(connected(pipeline), days=2).shards.order_by("pk")
        carry(first)
        return last

    def check(last: Run) -> None:
        assert last.parent is not None
        assert_exact(finish(last.parent), days=2)

    with registered(pipeline):
        sweep(prepare, carry, check, least=11)


def test_a_cancelled_backfill_killed_anywhere_can_be_cancelled_again(pipeline: Pipeline) -> None:
    def prepare() -> Run:
        parent = begin(connected(pipeline))
        first, second, *_ = parent.shards.order_by("pk")
        carry(first)
        assert running.claims.claim(second.pk) is not None
        return parent

    def check(parent: Run) -> None:
        parent.refresh_from_db()
        if not parent.cancel_requested:
            actions.cancel(OPERATOR, parent, "enough")
        finish(parent)
        assert parent.state == Run.State.CANCELLED
        assert sorted(parent.shards.values_list("state", flat=True)) == ["cancelled"] * (DAYS - 1) + ["succeeded"]
        assert Event.unscoped.filter(run=parent, name="cancelled").count() == 1

    sweep(prepare, lambda parent: actions.cancel(OPERATOR, parent, "enough"), check, least=3)


def test_two_shards_that_end_at_the_same_moment_close_their_parent_once(pipeline: Pipeline) -> None:
    for _ in range(8):
        parent = begin(connected(pipeline), days=2)
        both = [start_child(lambda shard=shard: carry(shard)) for shard in parent.shards.order_by("pk")]
        assert [end(one) for one in both] == [0, 0]

        parent.refresh_from_db()
        assert parent.state == Run.State.SUCCEEDED, "neither of them closed it"
        assert Event.unscoped.filter(run=parent, name="succeeded").count() == 1


def test_workers_killed_at_random_over_two_backfills_and_live_runs_load_each_day_once(pipeline: Pipeline) -> None:
    connection = connected(pipeline)
    draw = random.Random(11)
    first, second = begin(connection, parallel=2), begin(connection, parallel=3)
    kills, most = kill_workers_at_random([first.pk, second.pk], draw)

    print(f"{kills} kills, at most {most} shards of the first at a time")
    assert most <= 2
    both = [finish(first), finish(second)]
    assert [one.state for one in both] == [Run.State.SUCCEEDED] * 2
    assert [counts(one)[0] for one in both] == [len(EVERYTHING)] * 2
    assert [Event.unscoped.filter(run=one, name="succeeded").count() for one in both] == [1, 1]
    assert rows(connection.tenant) == EVERYTHING
    assert watermarks(connection) == [START + 2 * DAY]


def kill_workers_at_random(parents: list[int], draw: random.Random, seconds: float = 15) -> tuple[int, int]:
    """Until both have ended; how many were killed, and how many shards of the first were seen running at a time."""
    workers = [start_child(lambda: work_for_ever(parents)) for _ in range(4)]
    kills, most, deadline = 0, 0, time.monotonic() + seconds
    left = Run.unscoped.filter(parent_id__in=parents, state=Run.State.RUNNING)
    try:
        while time.monotonic() < deadline:
            time.sleep(draw.uniform(0.05, 0.2))
            number = draw.randrange(4)
            os.kill(workers[number], signal.SIGKILL)
            assert end(workers[number]) == KILLED
            kills += 1
            left.update(lease_until=db_now_plus(-1))
            most = max(most, left.filter(parent_id=parents[0]).count())
            if not Run.unscoped.filter(pk__in=parents, state=Run.State.RUNNING).exists():
                break
            workers[number] = start_child(lambda: work_for_ever(parents))
    finally:
        for worker in workers:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(worker, signal.SIGKILL)
                end(worker)
    return kills, most


def work_for_ever(parents: list[int]) -> None:
    """A worker that takes whatever shard it can get, slowly enough to be killed in the middle of it."""
    draw = random.Random(os.getpid())

    def slowly(point: str) -> None:
        time.sleep(draw.uniform(0, 0.03))

    while True:
        try:
            waiting = Run.unscoped.filter(parent_id__in=parents, state__in=Run.ACTIVE).values_list("pk", flat=True)
            for pk in draw.sample(sorted(waiting), len(waiting)):
                running.execute(pk, Hooks(at=slowly, sleep=lambda seconds: None))
        except OperationalError:
            connections.close_all()
        time.sleep(0.01)


def test_shards_that_bury_the_same_record_count_it_twice_in_one_letter(pipeline: Pipeline) -> None:
    bad: list[dict[str, Any]] = [item(1, amount="much", at=START.isoformat())]
    with registered(over(bad, source=Records(bad, time="at"))), configured(BATCH_TRIES=10):
        connection = connected(pipeline)
        parents = [begin(connection, days=1) for _ in range(6)]
        both = [start_child(lambda one=one: carry(one.shards.get())) for one in parents]
        assert [end(one) for one in both] == [0] * 6

    states = {Run.unscoped.get(pk=one.pk).state for one in parents}
    assert states == {Run.State.PARTIAL}
    (dead_letter,) = dead_letters(connection.tenant)
    assert dead_letter.times_seen == 6
