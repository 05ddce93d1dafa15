"""What timeline and log tell of a run whose process died: who took it over from whom, and what is done again."""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from ingestion import Context, dispatch, events, jobs, queueing
from ingestion.models import Event, Run
from ingestion.running import Hooks, poison_bisection
from ingestion.running.claims import claim, hostname, renew
from ingestion.signals import run_finished
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import DyingAt, end, in_child, start_child
from tests.ingestion.runs import carry, expire, items, over, queued

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True)]


def texts(run: Run, name: str) -> list[str]:
    return list(Event.unscoped.filter(run=run, name=name).order_by("pk").values_list("text", flat=True))


def died_after_its_first_batch() -> tuple[Run, int]:
    """A run of three batches and the number of the process that carried it."""
    with registered(over(items(6), page=2)) as pipeline:
        run = queued(pipeline)
        pid = start_child(lambda: carry(run, DyingAt("committed").hooks))
        end(pid)
    return run, pid


@pytest.mark.slow
def test_who_takes_a_run_over_says_from_whom_for_how_long_it_stood_still_and_what_is_repeated() -> None:
    run, pid = died_after_its_first_batch()
    expire(run)

    with registered(over(items(6), page=2)):
        carry(run)

    first, second = texts(run, "started")
    assert first == f"claim 1 on {hostname()}, process {pid}"
    assert second.startswith(f"claim 2 on {hostname()}, process {os.getpid()}, takes over from process {pid} on")
    assert "(claim 1), which is gone; it stood still for " in second
    assert second.endswith(" s, and batch 2 is read again")


def test_a_run_that_was_given_back_says_where_it_goes_on_and_how_long_it_waited() -> None:
    stops = iter([False, True])
    with registered(over(items(6), page=2)) as pipeline:
        run = queued(pipeline)
        carry(run, Hooks(stop=lambda: next(stops), sleep=lambda seconds: None))
        carry(run)

    assert texts(run, "started")[1] == f"claim 2 on {hostname()}, process {os.getpid()}, goes on with batch 3 after 0 s"


def test_a_run_taken_from_a_living_process_says_so() -> None:
    with registered(over(items(2))) as pipeline:
        run = queued(pipeline)
        claim(run.pk)
        Run.unscoped.filter(pk=run.pk).update(worker_pid=os.getppid())
        expire(run)
        carry(run)

    (text,) = texts(run, "started")
    assert f"process {os.getppid()} on {hostname()} (claim 1), which is slow or was stopped" in text


@pytest.mark.slow
@pytest.mark.usefixtures("redis")
def test_a_killed_process_is_told_also_where_redis_knows_nothing_of_its_job_any_more() -> None:
    def forgotten_and_killed(value: Any, ctx: Context) -> Entry:
        queueing.client().flushall()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    with registered(over(items(1), transform=forgotten_and_killed)) as pipeline:
        run = queued(pipeline)
        dispatch.wake(run)
        in_child(lambda: jobs.work("ingestion-free", burst=True))

    assert len(texts(run, "lost")) >= 1
    assert "(SIGKILL) under claim 1, after batch 0" in texts(run, "lost")[0]


@pytest.mark.slow
def test_a_killed_process_is_told_once_with_its_run_and_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    run, pid = died_after_its_first_batch()

    jobs.lost(run.pk, pid, signal.SIGKILL)

    (text,) = texts(run, "lost")
    assert text == (
        f"Process {pid} on {hostname()} ended (SIGKILL) under claim 1, after batch 1; another one takes the run over."
    )
    (line,) = [record for record in caplog.records if getattr(record, "event", "") == "lost"]
    assert (line.levelname, line.connection_id) == ("WARNING", run.connection_id)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_an_end_whose_process_died_before_it_could_say_so_is_said_by_its_worker(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
        pid = start_child(lambda: carry(run, DyingAt("closed").hooks))
        end(pid)

    jobs.lost(run.pk, pid, signal.SIGKILL)

    (line,) = [record for record in caplog.records if getattr(record, "event", "") == "succeeded"]
    assert (
        line.getMessage() == f"succeeded: its process {pid} ended (SIGKILL) after that, perhaps before it could say so"
    )
    assert texts(run, "lost") == []


def test_the_line_of_an_end_comes_before_anybody_is_told_of_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    lines: list[str] = []

    def listener(run: Run, **kwargs: Any) -> None:
        lines.extend(record.getMessage().split()[0] for record in caplog.records)

    run_finished.connect(listener)
    try:
        with registered(over(items(1))) as pipeline:
            carry(queued(pipeline))
    finally:
        run_finished.disconnect(listener)

    assert lines[-1] == "succeeded"


def test_a_process_that_was_silent_for_longer_than_its_lease_says_so_when_it_still_has_its_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
    ownership = claim(run.pk)
    assert ownership is not None
    renew(ownership)
    ownership.extended_at -= 100

    renew(ownership)

    (line,) = [record for record in caplog.records if getattr(record, "event", "") == "late"]
    assert line.getMessage() == (
        f"Run {run.pk} comes on after 100 s without a sign of life of its process, which still has it."
    )


def test_a_process_that_its_worker_ended_is_not_told_a_second_time() -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
    claim(run.pk)
    run.refresh_from_db()
    events.record(run, "stuck", "No record was finished for 45 s.")

    jobs.lost(run.pk, os.getpid(), signal.SIGKILL)

    assert texts(run, "lost") == []


def test_the_search_for_a_record_that_kills_is_on_the_timeline() -> None:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
    ownership = claim(run.pk)
    assert ownership is not None
    trials = [{}, {"trial": ["a", "b"]}, {"trial": ["a"]}, {"trial": ["a"], "alone": "a"}]
    for deaths, state in enumerate(trials, 2):
        Run.unscoped.filter(pk=run.pk).update(deaths=deaths, isolation=state)
        run.refresh_from_db()
        poison_bisection.resume(run, ownership)

    blind, narrowed, single, convicted = texts(run, "isolation")
    assert blind == "2 processes died in this batch: its records are tried in parts, to find one that ends them."
    assert (
        narrowed == "3 processes died in this batch: the record that ends them is one of 2, which are tried in parts."
    )
    assert single == "4 processes died in this batch, the last one at a single record, which is tried alone once more."
    assert (
        convicted == "A record ended every process that took it, also alone: it becomes a dead letter (PoisonRecord)."
    )


def test_the_line_of_an_end_has_the_figures_that_the_page_shows_beside_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion")
    with registered(over([*items(2), {"id": "rec_9", "amount": "much"}])) as pipeline:
        run = carry(queued(pipeline))

    (line,) = [record for record in caplog.records if getattr(record, "event", "") == "partial"]
    assert line.getMessage().startswith("partial 3 read, 2 loaded, 0 skipped, 1 dead")
    assert not texts(run, "partial")[0].startswith("3 read")


def test_an_error_that_is_not_ours_is_told_by_class_place_and_what_the_system_calls_it_without_its_text() -> None:
    def away(value: Any, ctx: Context) -> Entry:
        raise NotADirectoryError(errno.ENOTDIR, "secret payload", "/srv/files/ingestion")

    with registered(over(items(1), transform=away)) as pipeline:
        run = carry(queued(pipeline))

    (text,) = texts(run, "failed")
    assert re.fullmatch(
        r"NotADirectoryError \(Not a directory\) at tests/ingestion/test_told_runs\.py:\d+; "
        r"its traceback is on the run's page",
        text,
    )


def test_an_error_from_within_a_library_is_told_at_the_line_that_called_it() -> None:
    def away(value: Any, ctx: Context) -> Entry:
        return Entry(external_id=Path("/nowhere/secret").read_text())

    with registered(over(items(1), transform=away)) as pipeline:
        run = carry(queued(pipeline))

    (text,) = texts(run, "failed")
    assert text.startswith("FileNotFoundError (No such file or directory) at tests/ingestion/test_told_runs.py:")
