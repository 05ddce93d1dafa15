"""A record slower than the lease keeps its run; one that never ends is isolated. Real workers, real time."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from ingestion import Context, jobs, scheduling
from ingestion.models import Run
from ingestion.running import claims, watchdog
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import end, in_child, start_child
from tests.ingestion.runs import configured, counts, dead_letters, effects, events, items, over, queued, rows

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed", "redis"),
]

FREE = "ingestion-free"
LEASE = 1.0
HOPELESS = re.compile(r"(a+)+$")
"""Backtracks for hours on a row of a's that ends in b, and lets no other thread of its process run."""


def slow(*keys: str, seconds: float) -> Callable[[Any, Context], Entry]:
    def transform(value: Any, ctx: Context) -> Entry:
        if value.id in keys:
            time.sleep(seconds)
        return Entry(external_id=value.id, amount=value.amount)

    return transform


def hopeless(*keys: str) -> Callable[[Any, Context], Entry]:
    def transform(value: Any, ctx: Context) -> Entry:
        if value.id in keys:
            HOPELESS.match("a" * 60 + "b")
        return Entry(external_id=value.id, amount=value.amount)

    return transform


def work() -> None:
    jobs.work(FREE)


def until_it_ends(run: Run, seconds: float) -> None:
    """Two workers and a ticker until `run` has ended."""
    workers = [start_child(work) for _ in range(2)]
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            scheduling.tick()
            run.refresh_from_db()
            if run.state in Run.TERMINAL:
                return
            connections.close_all()
            time.sleep(0.2)
        raise AssertionError(f"{run} is still {run.state}: {events(run)}, deaths {run.deaths}, {run.isolation}")
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGTERM)
        for pid in workers:
            end(pid)


def test_a_record_of_several_leases_is_not_taken_over() -> None:
    transform = slow("rec_0002", seconds=4 * LEASE)
    with configured(LEASE_SECONDS=LEASE, TICK_SECONDS=0.2), registered(over(items(3), transform=transform)) as pipeline:
        run = queued(pipeline)

        until_it_ends(run, 30)

    assert (run.state, run.fence, counts(run)) == (Run.State.SUCCEEDED, 1, (3, 3, 0, 0))
    assert effects(run) == sorted(rows(run.tenant))


def test_a_record_that_never_ends_is_isolated_and_the_run_goes_on() -> None:
    transform = hopeless("rec_0002")
    with (
        configured(LEASE_SECONDS=LEASE, RECORD_SECONDS=1.5, TICK_SECONDS=0.2),
        registered(over(items(3), page=2, transform=transform)) as pipeline,
    ):
        run = queued(pipeline)

        until_it_ends(run, 60)

    assert (run.state, counts(run)) == (Run.State.PARTIAL, (3, 2, 0, 1))
    assert [(one.source_id, one.error_class) for one in dead_letters(run.tenant)] == [("rec_0002", "PoisonRecord")]
    assert effects(run) == sorted(rows(run.tenant))
    assert "stuck" in events(run)
    assert run.fence <= 6


def claimed() -> tuple[Run, claims.Claim, watchdog.ChildProgress]:
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline)
    mine = claims.claim(run.pk)
    assert mine is not None
    shared = watchdog.ChildProgress()
    shared.beat(mine)
    return run, mine, shared


def check_after(seconds: float, shared: watchdog.ChildProgress, pid: int) -> watchdog.ChildCheck:
    time.sleep(seconds)
    try:
        return watchdog.renew_for_child(shared, pid)
    finally:
        connections.close_all()


def test_nobody_vouches_for_a_run_that_somebody_else_has_by_now() -> None:
    with configured(LEASE_SECONDS=0.4):
        run, mine, shared = claimed()
        Run.unscoped.filter(pk=run.pk).update(lease_until="2000-01-01T00:00:00Z")
        assert in_child(lambda: claims.claim(run.pk)) == 0
        before = Run.unscoped.values_list("fence", "lease_until").get(pk=run.pk)

        result = check_after(0.2, shared, os.getpid())

    assert result is watchdog.ChildCheck.NOTHING
    assert Run.unscoped.values_list("fence", "lease_until").get(pk=run.pk) == before
    assert before[0] == mine.fence + 1


def test_a_stuck_child_is_ended_also_when_somebody_else_has_its_run_by_now() -> None:
    """It can write nothing any more, but its worker would wait for it, perhaps for ever."""
    with configured(LEASE_SECONDS=0.4, RECORD_SECONDS=0.6):
        run, _, shared = claimed()
        Run.unscoped.filter(pk=run.pk).update(lease_until="2000-01-01T00:00:00Z")
        assert in_child(lambda: claims.claim(run.pk)) == 0

        result = check_after(0.7, shared, os.getpid())

    assert result is watchdog.ChildCheck.STUCK
    assert "stuck" not in events(run)


def test_who_listens_to_the_end_of_a_run_may_take_long() -> None:
    with configured(LEASE_SECONDS=0.4, RECORD_SECONDS=0.6):
        run, _, shared = claimed()
        Run.unscoped.filter(pk=run.pk).update(state=Run.State.SUCCEEDED, active_key=None, slot_key=None)

        assert check_after(0.7, shared, os.getpid()) is watchdog.ChildCheck.NOTHING


def test_one_vouches_for_a_busy_child_and_for_no_other_and_not_for_ever() -> None:
    with configured(LEASE_SECONDS=0.4, RECORD_SECONDS=1):
        _, _, shared = claimed()

        assert check_after(0, shared, os.getpid()) is watchdog.ChildCheck.NOTHING  # it renews by itself
        assert check_after(0.2, shared, os.getpid()) is watchdog.ChildCheck.RENEWED
        assert check_after(0, shared, os.getpid() + 1) is watchdog.ChildCheck.NOTHING
        assert check_after(1, shared, os.getpid()) is watchdog.ChildCheck.STUCK


def test_a_child_is_not_ended_for_the_sign_that_one_before_it_left() -> None:
    """Who was killed clears nothing, and the next child has not begun yet."""
    with configured(LEASE_SECONDS=0.4, RECORD_SECONDS=0.5):
        _, _, shared = claimed()

        assert check_after(0.6, shared, os.getpid() + 1) is watchdog.ChildCheck.NOTHING
        assert check_after(0, shared, os.getpid()) is watchdog.ChildCheck.STUCK


def test_nobody_vouches_for_a_run_that_its_row_says_another_process_carries() -> None:
    with configured(LEASE_SECONDS=0.4):
        run, _, shared = claimed()
        Run.unscoped.filter(pk=run.pk).update(worker_pid=os.getpid() + 1)

        assert check_after(0.2, shared, os.getpid()) is watchdog.ChildCheck.NOTHING


def test_nobody_vouches_for_a_child_that_was_stopped() -> None:
    with configured(LEASE_SECONDS=0.4):
        run, mine, shared = claimed()
        child = start_child(lambda: (shared.beat(mine), time.sleep(60)))
        try:
            time.sleep(0.3)
            Run.unscoped.filter(pk=run.pk).update(worker_pid=child)
            assert check_after(0, shared, child) is watchdog.ChildCheck.RENEWED
            os.kill(child, signal.SIGSTOP)

            assert check_after(0.1, shared, child) is watchdog.ChildCheck.NOTHING
        finally:
            os.kill(child, signal.SIGKILL)
            end(child)
