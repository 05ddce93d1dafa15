"""A search for a deadly record that something else than a death cut short accuses nobody."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ingestion import Context, Transient
from ingestion.core.errors import Paused
from ingestion.core.pipeline import Pipeline
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import KILLED, DyingAt, end, in_child, start_child
from tests.ingestion.runs import carry, counts, dead_letters, due, expire, finish, items, over, queued

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

PAGES = pytest.mark.parametrize("page", [1, 2, 5])


def broken(by: Callable[[], object]) -> Callable[[Any, Context], Entry]:
    """A transform that calls `by` for every record."""

    def transform(value: Any, ctx: Context) -> Entry:
        by()
        return Entry(external_id=value.id, amount=value.amount)

    return transform


def pipeline_of(page: int, by: Callable[[], object] = lambda: None) -> Pipeline:
    return over(items(page), page=page, transform=broken(by))


def suspected(page: int) -> Run:
    """A run whose workers died twice in its only batch, by chance."""
    with registered(pipeline_of(page)) as pipeline:
        run = queued(pipeline)
        for _ in range(2):
            assert in_child(lambda: carry(run, DyingAt("prepared").hooks)) == KILLED
            expire(run)
    return run


def carried(run: Run, page: int, by: Callable[[], object]) -> None:
    with registered(pipeline_of(page, by)):
        carry(run)
    due(run)


def ends_whole(run: Run, page: int) -> None:
    with registered(pipeline_of(page)):
        finish(run)
    assert (run.state, counts(run), dead_letters(run.tenant)) == (Run.State.SUCCEEDED, (page, page, 0, 0), [])


def outage() -> None:
    raise Transient("The service that the transform asks is down.")


def pause() -> None:
    raise Paused("The connection is paused.")


@PAGES
@pytest.mark.parametrize("cut", [outage, pause])
def test_records_whose_trial_was_cut_short_are_innocent(page: int, cut: Callable[[], None]) -> None:
    run = suspected(page)

    for _ in range(4):
        carried(run, page, cut)
        assert run.state == Run.State.QUEUED
        assert (run.isolation or {}).get("trial"), "it was not cut short in the midst of a trial"

    ends_whole(run, page)


@PAGES
def test_records_whose_trial_outlived_its_lease_are_innocent(page: int) -> None:
    run, stopped = suspected(page), []
    try:
        for _ in range(3):
            with registered(pipeline_of(page, lambda: os.kill(os.getpid(), signal.SIGSTOP))):
                stopped.append(start_child(lambda: carry(run)))
            os.waitpid(stopped[-1], os.WUNTRACED)
            expire(run)

        ends_whole(run, page)
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGKILL)
            end(pid)


@PAGES
def test_a_guilty_record_is_found_although_its_search_is_cut_short_every_time(page: int) -> None:
    run = suspected(page)
    kills = 0
    while run.state not in Run.TERMINAL:
        carried(run, page, pause)
        with registered(over(items(page), page=page, transform=deadly("rec_0001"))):
            kills += in_child(lambda: carry(run)) == KILLED
        expire(run)
        run.refresh_from_db()

    assert kills <= math.ceil(math.log2(page)) + 2
    assert (run.state, counts(run)) == (Run.State.PARTIAL, (page, page - 1, 0, 1))
    assert [one.source_id for one in dead_letters(run.tenant)] == ["rec_0001"]


def deadly(key: str) -> Callable[[Any, Context], Entry]:
    def transform(value: Any, ctx: Context) -> Entry:
        if value.id == key:
            os.kill(os.getpid(), signal.SIGKILL)
        return Entry(external_id=value.id, amount=value.amount)

    return transform
