"""What the log tells of an outage: each process once that it began and once that it is over, without a traceback."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import InterfaceError
from django.db import connection as database
from django.test import RequestFactory
from django.utils import timezone
from django.utils.log import log_response
from django_rq.settings import QUEUES
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway
from rq.exceptions import InvalidJobOperation
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import base

from ingestion import jobs, scheduling
from ingestion.core.errors import SecretStoreUnavailable
from ingestion.logs import ContextFormatter
from ingestion.models import Heartbeat
from ingestion.queueing import EXECUTE, Absence, absence, ensure_tick, lines
from ingestion.running import Hooks
from ingestion.testing import registered
from ingestion.webhooks import receiver
from tests.ingestion.chaos.processes import in_child
from tests.ingestion.runs import carry, events, items, over, queued


def of_rq(text: str, *values: object, error: Exception | None = None, name: str = "rq.worker") -> logging.LogRecord:
    trace = (type(error), error, None) if error else None
    return logging.LogRecord(name, logging.ERROR, "", 0, text, values, trace)  # type: ignore[arg-type]


def test_rq_does_not_say_beside_us_that_the_child_of_a_run_was_killed() -> None:
    killed, abandoned = "Worker %s: job %s failed (%s)", "%s cleanup: %s %s"

    assert not lines.is_kept(of_rq(killed, "a", "run-26-0", "signal 9"))
    assert lines.is_kept(of_rq(killed, "a", "periods-4", "signal 9"))
    assert not lines.is_kept(of_rq(abandoned, "StartedJobRegistry", "run-26-0", "Moved", name="rq.registry"))


def test_the_texts_that_are_told_otherwise_are_those_of_this_version_of_rq() -> None:
    folder = Path(base.__file__).parent
    code = "".join(path.read_text() for path in (*folder.glob("*.py"), folder.parent / "registry.py"))

    assert [text for text in (lines._KILLED, lines._AWAY, lines._ABANDONED) if f"'{text}'" not in code] == []


def test_a_worker_that_asks_redis_every_second_says_once_that_it_is_away(caplog: pytest.LogCaptureFixture) -> None:
    absence.over()  # of a test before
    caplog.clear()
    caplog.set_level(logging.INFO, "ingestion")
    away = "Worker %s: could not connect to Redis instance: %s retrying in %d seconds..."
    try:
        kept = [lines.is_kept(of_rq(away, "a", RedisAway("no such file"), 2)) for _ in range(30)]
    finally:
        absence.over()

    assert kept == [False] * 30
    assert [(one.levelname, one.getMessage()[:23]) for one in caplog.records] == [
        ("WARNING", "Redis is not reachable "),
        ("INFO", "Redis answers again; th"),
    ]


def test_each_process_says_once_that_redis_is_away_and_once_that_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    redis = Absence()

    for _ in range(3):
        redis.note(RedisAway("no such file"), run_id=7)
    redis.over()
    redis.over()

    assert [(one.levelname, one.getMessage().partition(" (")[0]) for one in caplog.records] == [
        ("WARNING", "Redis is not reachable"),
        ("INFO", "Redis answers again; this process had found it away 0 s ago."),
    ]


@pytest.mark.slow
def test_a_tick_that_looks_for_redis_again_and_again_says_once_that_it_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ingestion")

    def without_redis() -> None:
        absence.over()
        caplog.clear()
        for queue in QUEUES.values():
            queue["URL"] = "unix:///nowhere/redis.sock"
        for _ in range(3):
            ensure_tick()
        assert [record.getMessage()[:22] for record in caplog.records] == ["Redis is not reachable"]

    assert in_child(without_redis) == 0


def test_a_worker_that_ends_for_want_of_redis_says_why_in_a_line() -> None:
    record = of_rq("Worker %s: found an unhandled exception, quitting...", "a", error=RedisAway("closed by server"))

    assert lines.is_kept(record)
    assert ContextFormatter("%(levelname)s %(message)s").format(record) == (
        "WARNING Worker a: found an unhandled exception, quitting... closed by server"
    )


def test_any_other_error_of_a_worker_keeps_its_traceback() -> None:
    record = of_rq("Worker %s: found an unhandled exception, quitting...", "a", error=ValueError("ours"))

    assert lines.is_kept(record)
    assert (record.levelname, record.exc_info and record.exc_info[0]) == ("ERROR", ValueError)


def test_a_wake_up_that_rq_cannot_close_is_no_error_of_its_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    job = Job.create(EXECUTE, (26,), connection=Redis(), serializer=JSONSerializer, id="run-26-0")

    assert lines.log_failed_wake_up(job, InvalidJobOperation("Failed to retrieve status for job: run-26-0"))
    assert not lines.log_failed_wake_up(job, ValueError("ours"))

    (line,) = caplog.records
    assert (line.levelname, line.run_id) == ("INFO", 26)  # type: ignore[attr-defined]


def test_an_error_of_several_lines_is_one_line_of_the_log_and_its_traceback_stays() -> None:
    message = logging.makeLogRecord({"msg": "not there:\n\tIs the server running?", "event": "tick"})
    broken = logging.makeLogRecord({"msg": "broken", "exc_text": "Traceback\n  ours"})

    assert ContextFormatter("%(message)s").format(message) == "not there:\\n\tIs the server running? event=tick"
    assert ContextFormatter("%(message)s").format(broken).splitlines()[1:] == ["  Traceback", "    ours"]


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_run_whose_database_is_away_is_left_with_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)

        def without_database() -> None:
            database.close()
            database.settings_dict["NAME"] = "/nowhere/db.sqlite3"
            assert jobs.execute(run.pk) is None
            (line,) = [record for record in caplog.records if getattr(record, "event", "") == "lost"]
            assert (line.levelname, line.run_id) == ("WARNING", run.pk)  # type: ignore[attr-defined]

        assert in_child(without_database) == 0


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_was_rolled_back_says_so_before_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    tries = []

    def closed_once(point: str) -> None:
        if point == "before commit" and not tries:
            tries.append(point)
            raise InterfaceError("server closed the connection unexpectedly\nDETAIL: row (1, much)")

    with registered(over(items(2))) as pipeline:
        run = carry(queued(pipeline), Hooks(at=closed_once, sleep=lambda seconds: None))

    (line,) = [one for one in caplog.records if getattr(one, "event", "") == "rolled back"]
    assert line.getMessage() == "batch 1 was rolled back, try 1 of 5: server closed the connection unexpectedly"
    told = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "batch"]
    assert told == ["batch batch 1: 2 read, 2 loaded, 0 skipped, 0 dead"]
    assert events(run).count("batch") == 1


@pytest.mark.django_db(transaction=True)
def test_an_end_whose_commit_was_not_answered_is_told_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion")

    def no_answer(point: str) -> None:
        if point == "closed":
            raise InterfaceError("server closed the connection unexpectedly")

    with registered(over(items(2))) as pipeline:
        carry(queued(pipeline), Hooks(at=no_answer, sleep=lambda seconds: None))

    lines = [one.getMessage() for one in caplog.records if getattr(one, "event", "") == "succeeded"]
    assert lines[-1] == "succeeded had been committed, only the answer was lost"


@pytest.mark.django_db
@pytest.mark.parametrize(("seconds", "told"), [(30, 0), (300, 1)])
def test_the_first_tick_after_a_gap_says_how_long_it_was(
    seconds: int, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    before = timezone.now() - timedelta(seconds=seconds)
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": before})

    scheduling.tick()
    scheduling.tick()

    gaps = [one for one in caplog.records if one.getMessage().startswith("No tick for 30")]
    assert [one.levelname for one in gaps] == ["WARNING"] * told


@pytest.mark.django_db
def test_a_delivery_that_could_not_be_stored_is_one_line_with_its_address(
    rf: RequestFactory, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*args: object) -> str:
        raise SecretStoreUnavailable("no answer")

    answer = receiver(away)(rf.post("/push/acme/5/", b"{}", content_type="application/json"), "acme", uuid4())
    log_response("%s", "Service Unavailable", response=answer)

    (line,) = caplog.records
    assert line.getMessage().startswith("A delivery to /push/acme/5/ could not be stored, its sender is told to come")
