"""What an intruder in Redis plants is not obeyed: other functions, pickles, callbacks, dependencies."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from typing import Any

import django_rq
import pytest
from django.utils import timezone
from redis import Redis
from rq.job import Callback, Dependency, Job
from rq.serializers import JSONSerializer

from ingestion import queueing
from ingestion.models import Heartbeat, Run
from ingestion.queueing import RunJob
from ingestion.queueing.wake_ups import EXECUTE
from ingestion.testing import registered
from tests.ingestion.runs import items, over, queued
from tests.ingestion.test_queue import FREE, serve

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed", "redis"),
    pytest.mark.slow,
]


def test_a_job_planted_under_another_functions_name_is_refused_and_the_worker_goes_on(tmp_path: Any) -> None:
    queue = django_rq.get_queue(FREE)
    target = tmp_path / "planted"
    queue.enqueue("os.system", f"touch {target}", job_id="planted")
    with registered(over(items(2))) as pipeline:
        run = queued(pipeline)
        queueing.wake(run.pk, run.tenant.tier, run.fence)

        assert serve() == 0

    run.refresh_from_db()
    assert not target.exists()
    assert run.state == Run.State.SUCCEEDED
    assert Job.fetch("planted", connection=queue.connection, serializer=JSONSerializer).get_status() == "failed"


def called_back(*args: Any) -> None:
    """What a planted job names; RQ calls it with the job, its connection and what it returned."""
    Heartbeat.objects.create(name="called back", at=timezone.now())


PLANTED: dict[str, dict[str, Any]] = {
    "succeeds": {"on_success": Callback(f"{__name__}.called_back")},
    "fails": {"on_failure": Callback(f"{__name__}.called_back"), "args": ["no number"]},
    "is stopped": {"on_stopped": Callback(f"{__name__}.called_back")},
}


@pytest.mark.parametrize("options", PLANTED.values(), ids=PLANTED)
def test_a_job_with_a_callback_is_refused_and_the_callback_is_never_called(options: dict[str, Any]) -> None:
    queue = django_rq.get_queue(FREE)
    queue.enqueue(EXECUTE, **{"args": [0, 0], **options}, job_id="planted")

    assert serve() == 0

    job = RunJob.fetch("planted", connection=queue.connection)
    result = job.latest_result()
    assert result is not None
    assert "no callbacks" in str(result.exc_string)
    assert [job.success_callback, job.failure_callback, job.stopped_callback] == [None] * 3
    assert not Heartbeat.objects.filter(name="called back").exists()


def test_a_job_that_depends_on_another_one_is_refused_and_so_is_that_one() -> None:
    queue = django_rq.get_queue(FREE)
    first = queue.enqueue(EXECUTE, 0, 0, job_id="first")
    queue.enqueue(EXECUTE, 0, 0, job_id="second", depends_on=Dependency([first], allow_failure=True))

    assert serve() == 0

    for name in ("first", "second"):
        result = Job.fetch(name, connection=queue.connection, serializer=JSONSerializer).latest_result()
        assert result is not None
        assert "depends on" in str(result.exc_string)


def test_a_pickle_planted_in_the_queue_is_not_loaded(redis: Redis, tmp_path: Any) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'planted'}",)

    redis.hset("rq:job:evil", mapping={"data": zlib.compress(pickle.dumps(Evil())), "origin": FREE, "status": "queued"})
    redis.rpush(f"rq:queue:{FREE}", "evil")
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        queueing.wake(run.pk, run.tenant.tier, run.fence)

        for _ in range(3):
            serve()

    run.refresh_from_db()
    assert not (tmp_path / "planted").exists()
    assert run.state == Run.State.SUCCEEDED


@pytest.mark.parametrize("again", ["retries_left", "repeats_left"])
def test_a_planted_job_is_carried_out_no_second_time(redis: Redis, again: str) -> None:
    function = "os.system" if again == "retries_left" else EXECUTE
    django_rq.get_queue(FREE).enqueue(function, 0, job_id="planted", result_ttl=500)
    redis.hset("rq:job:planted", mapping={again: "3", "retry_intervals": "[0]", "repeat_intervals": "[0]"})

    assert serve() == 0

    assert redis.xlen("rq:results:planted") == 1
    assert redis.hget("rq:job:planted", again) == b"3"


UNREADABLE: dict[str, Callable[[Redis], object]] = {
    "of no time": lambda redis: redis.hset("rq:job:planted", "created_at", "junk"),
    "of no timeout": lambda redis: redis.hset("rq:job:planted", "timeout", "junk"),
    "of no bytes of UTF-8": lambda redis: redis.hset("rq:job:planted", "origin", b"\xff"),
    "no hash": lambda redis: (redis.delete("rq:job:planted"), redis.set("rq:job:planted", "junk")),
    "of an odd name": lambda redis: redis.rpush(f"rq:queue:{FREE}", "planted\n2026-01-31 INFO forged"),
}


@pytest.mark.parametrize("plant", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_ends_no_worker(redis: Redis, plant: Callable[[Redis], object]) -> None:
    django_rq.get_queue(FREE).enqueue(EXECUTE, 0, job_id="planted")
    plant(redis)
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        queueing.wake(run.pk, run.tenant.tier, run.fence)

        serve()

    run.refresh_from_db()
    assert run.state == Run.State.SUCCEEDED
