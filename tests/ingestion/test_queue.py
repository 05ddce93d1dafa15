"""RQ and rq-scheduler carry hints and the one tick entry: ids in JSON, nothing else, and nothing planted is obeyed."""

from __future__ import annotations

import json
import os
import signal
import time
import zlib
from collections.abc import Callable
from typing import Any

import django_rq
import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django_rq.settings import QUEUES
from redis import Redis

from ingestion import actions, dispatch, jobs, queueing, scheduling
from ingestion.models import Connection, Heartbeat, Run
from ingestion.running.claims import claim, hostname
from ingestion.testing import registered
from tests.ingestion.chaos.processes import DyingAt, in_child, start_child
from tests.ingestion.chaos.processes import end as ended
from tests.ingestion.runs import OPERATOR, carry, counts, items, new_tenant, over, queued

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed", "redis"),
]

FREE = "ingestion-free"


def serve(name: str = FREE) -> int:
    """A worker of its own that empties the queue and ends; its exit code."""
    return in_child(lambda: jobs.work(name, burst=True))


def everything_in(redis: Redis) -> bytes:
    """All keys with all their contents."""
    found: list[Any] = []
    readers: dict[bytes, Callable[[Any], Any]] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"set": redis.smembers,
        b"zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        b"stream": lambda key: redis.xrange(key),
    }
    for key in redis.scan_iter():
        found.append((key, readers[redis.type(key)](key)))  # type: ignore[index]
    return repr(found).encode()


def test_a_hint_carries_the_runs_id_and_nothing_else(redis: Redis) -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        queueing.wake(run.pk, run.tenant.tier, run.fence)

    (job,) = django_rq.get_queue(FREE).jobs
    assert (job.func_name, list(job.args), job.kwargs) == (queueing.EXECUTE, [run.pk], {})


@pytest.mark.slow
def test_a_worker_executes_the_run_it_is_hinted_at() -> None:
    with registered(over(items(5), page=2)) as pipeline:
        run = queued(pipeline)
        queueing.wake(run.pk, run.tenant.tier, run.fence)

        assert serve() == 0

    run.refresh_from_db()
    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (5, 5, 0, 0))


@pytest.mark.slow
def test_no_payload_and_no_secret_reaches_redis(redis: Redis) -> None:
    from ingestion import SourceChanged
    from ingestion.testing import Records

    secret = {"id": "CANARY-id", "amount": "12.34", "label": "CANARY-label"}
    failing = over(
        [], source=Records([secret, {"id": "CANARY-bad", "amount": "x"}], error=SourceChanged("CANARY-error"))
    )
    for pipeline in (over([secret, {"id": "CANARY-bad", "amount": "x"}]), failing):
        with registered(pipeline):
            run = actions.run_now(
                OPERATOR, actions.connect(OPERATOR, new_tenant(), pipeline.name), config={"shop": "CANARY-shop"}
            )
            serve()
            run.refresh_from_db()
            assert run.state in Run.TERMINAL

    held = everything_in(redis)

    assert b"CANARY" not in held
    assert b"sqlite" not in held
    assert b"SECRET" not in held


@pytest.mark.slow
def test_rq_scheduler_has_the_tick_as_its_one_entry_and_gets_it_back_after_it_was_lost(redis: Redis) -> None:
    def entries() -> list[bytes]:
        return redis.zrange(queueing.TickScheduler.scheduled_jobs_key, 0, -1)  # type: ignore[return-value]

    scheduling.tick()
    scheduling.tick()
    assert entries() == [b"ingestion-tick"]

    redis.zrem(queueing.TickScheduler.scheduled_jobs_key, "ingestion-tick")
    scheduling.tick()
    assert entries() == [b"ingestion-tick"]

    redis.flushall()
    serve()
    assert entries() == [b"ingestion-tick"]
    held = redis.hget("rq:job:ingestion-tick", "data")
    assert json.loads(zlib.decompress(held))[0] == queueing.TICK  # type: ignore[arg-type]


@pytest.mark.slow
def test_rq_schedulers_tick_makes_runs_through_a_real_worker(redis: Redis) -> None:
    connection = actions.connect(OPERATOR, new_tenant(), "app.ticking")
    Connection.unscoped.filter(pk=connection.pk).update(config={"records": 3, "page": 2})
    Heartbeat.objects.all().delete()

    assert in_child(lambda: queueing.schedule(burst=True)) == 0
    assert serve("ingestion-tick") == 0
    assert serve(FREE) == 0

    (run,) = Run.unscoped.filter(connection=connection)
    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (3, 3, 0, 0))
    assert scheduling.last_tick() is not None


def test_a_job_that_runs_again_after_its_run_ended_does_nothing() -> None:
    with registered(over(items(4))) as pipeline:
        run = carry(queued(pipeline))
        before = Run.unscoped.filter(pk=run.pk).values().get()

        assert jobs.execute(run.pk) is None

    assert Run.unscoped.filter(pk=run.pk).values().get() == before


@pytest.mark.slow
def test_a_run_whose_child_was_killed_is_taken_over_without_waiting_for_its_lease() -> None:
    with registered(over(items(6), page=2)) as pipeline:
        run = queued(pipeline)
        pid = start_child(lambda: carry(run, DyingAt("committed").hooks))
        ended(pid)

        jobs.lost(run.pk, pid, signal.SIGKILL)
        carry(run)

    assert (run.state, run.fence, counts(run)) == (Run.State.SUCCEEDED, 2, (6, 6, 0, 0))


def test_another_process_of_the_same_number_on_another_host_takes_no_run_away() -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        claim(run.pk)
        Run.unscoped.filter(pk=run.pk).update(host=f"not-{hostname()}")

        jobs.lost(run.pk, os.getpid(), None)

    run.refresh_from_db()
    assert carry(run).fence == 1


@pytest.mark.slow
def test_a_worker_asked_to_stop_gives_its_run_back_at_a_batch_boundary_and_ends() -> None:
    pages = 100
    with registered(over(items(pages), page=1)) as pipeline:
        run = queued(pipeline)
        queueing.wake(run.pk, run.tenant.tier, run.fence)
        worker = start_child(lambda: jobs.work(FREE))
        while not Run.unscoped.filter(pk=run.pk, batches__gt=0).exists():
            time.sleep(0.02)
        os.kill(worker, signal.SIGTERM)
        code = ended(worker)

        run.refresh_from_db()
        assert code == 0
        assert (run.state, run.active_key, run.attempts) == (Run.State.QUEUED, None, 0)
        assert 0 < run.read < pages
        carry(run)

    assert (run.state, counts(run)) == (Run.State.SUCCEEDED, (pages, pages, 0, 0))


@pytest.mark.slow
def test_a_dead_redis_stops_neither_the_tick_nor_a_run() -> None:
    with registered(over(items(2))) as pipeline:
        run = queued(pipeline)

        def without_redis() -> None:
            for queue in QUEUES.values():
                queue["URL"] = "unix:///nowhere/redis.sock"
            queueing.wake(run.pk, run.tenant.tier, run.fence)
            scheduling.tick()
            carry(run)

        code = in_child(without_redis)

    run.refresh_from_db()
    assert code == 0
    assert run.state == Run.State.SUCCEEDED


@pytest.mark.slow
def test_while_redis_is_away_a_run_is_hinted_at_with_a_warning_and_nobody_looks_for_whose_turn_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with registered(over(items(2))) as pipeline:
        run = queued(pipeline)

        def without_redis() -> None:
            for queue in QUEUES.values():
                queue["URL"] = "unix:///nowhere/redis.sock"
            with CaptureQueriesContext(database) as asked:
                dispatch.wake(run)
                dispatch.wake_next(run.tenant)
            assert [query["sql"] for query in asked] == []
            (warning,) = [record for record in caplog.records if "Redis is not reachable" in record.getMessage()]
            assert warning.run_id == run.pk  # type: ignore[attr-defined]

        assert in_child(without_redis) == 0


def test_one_connection_serves_a_process_and_a_forked_child_has_its_own(redis: Redis) -> None:
    mine = queueing.client().client_id()
    reader, writer = os.pipe()

    assert in_child(lambda: os.write(writer, str(queueing.client().client_id()).encode())) == 0

    os.close(writer)
    with os.fdopen(reader) as said:
        assert int(said.read()) != mine
    assert queueing.client().client_id() == mine
