"""Four tickers at once, killed at random: every due instant becomes exactly one run, under every catch-up policy."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import OperationalError, connections, transaction

from ingestion import Cron, Every, Pipeline, actions, scheduling
from ingestion.core.schedules import CatchUp, Place, Schedule
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, Event, Run
from ingestion.testing import registered
from tests.app.oracle import ticking
from tests.ingestion.chaos.processes import KILLED, end, start_child
from tests.ingestion.runs import OPERATOR, configured, new_tenant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

CONNECTIONS, KILLS = 12, 30
STEP = timedelta(seconds=2)
BACKLOG = timedelta(minutes=20)
EVERY, CRON = Every(seconds=2, spread=timedelta(0)), Cron("* * * * *", spread=timedelta(0))
SKIP_AFTER = 3.0


def variant(name: str, schedule: Schedule, catch_up: CatchUp) -> Pipeline:
    return dataclasses.replace(ticking, name=f"app.tick_{name}", schedule=schedule, catch_up=catch_up)


COALESCE = variant("coalesce", EVERY, "coalesce")
EACH = variant("each", EVERY, "each")
SKIP = variant("skip", EVERY, "skip")
CRON_EACH = variant("cron_each", CRON, "each")
"""Due every minute, and the last twenty of them missed."""
CRON_COALESCE = variant("cron_coalesce", CRON, "coalesce")
PIPELINES = (COALESCE, EACH, SKIP, CRON_EACH, CRON_COALESCE)


def tick_for_ever() -> None:
    while True:
        try:
            scheduling.tick()
            end_queued_runs()
        except OperationalError:
            connections.close_all()
        time.sleep(random.uniform(0, 0.06))


def end_queued_runs() -> None:
    """What workers would do, at once: the connection is idle again and owes its next instant."""
    with transaction.atomic():
        Run.unscoped.filter(pipeline__startswith="app.tick_", state=Run.State.QUEUED).update(state=Run.State.SUCCEEDED)


def start(pipeline: Pipeline, first: datetime) -> list[Connection]:
    count = CONNECTIONS if pipeline.schedule is EVERY else 4
    started = [actions.connect(OPERATOR, new_tenant(), pipeline.name) for _ in range(count)]
    Connection.unscoped.filter(pk__in=[one.pk for one in started]).update(next_due=first)
    return started


def kill_tickers_at_random(kills: int) -> None:
    """Kill one of four after the other, and put another in its place, however long that takes."""
    draw, tickers = random.Random(4), [start_child(tick_for_ever) for _ in range(4)]
    for _ in range(kills):
        time.sleep(draw.uniform(0.05, 0.3))
        number = draw.randrange(4)
        os.kill(tickers[number], signal.SIGKILL)
        assert end(tickers[number]) == KILLED
        tickers[number] = start_child(tick_for_ever)
    for ticker in tickers:
        os.kill(ticker, signal.SIGKILL)
        end(ticker)


def catch_up(connections: list[Connection]) -> None:
    """Tick until nothing is left that was due when this began: a tick makes one missed period of each connection."""
    began = read_db_now()
    left = Connection.unscoped.filter(pk__in=[one.pk for one in connections], next_due__lte=began)
    while behind := list(left.values_list("pk", "next_due")):
        end_queued_runs()  # before the tick, which passes by connections whose run a killed ticker has just queued
        scheduling.tick()
        assert list(left.values_list("pk", "next_due")) != behind, "the tickers stood still"


def test_four_tickers_killed_at_random_make_one_run_of_every_due_instant() -> None:
    with ExitStack() as stack:
        stack.enter_context(configured(SKIP_AFTER_SECONDS=SKIP_AFTER))
        for pipeline in PIPELINES:
            stack.enter_context(registered(pipeline))
        soon = EVERY.after(read_db_now(), Place())
        long_ago = CRON.after(soon - BACKLOG, Place())
        first = {one.name: soon if one.schedule is EVERY else long_ago for one in PIPELINES}
        started = {one.name: start(one, first[one.name]) for one in PIPELINES}

        kill_tickers_at_random(KILLS)
        catch_up([connection for connections in started.values() for connection in connections])

        for pipeline in PIPELINES:
            found = [instants(one) for one in started[pipeline.name]]
            print(f"{pipeline.name}: {KILLS} kills, {sum(map(len, found))} instants")
            assert all(next(iter(made)) == first[pipeline.name] or pipeline is SKIP for made in found)
            faults = [fault for made in found for fault in faults_of(pipeline, made)]
            assert faults == []
            for connection, made in zip(started[pipeline.name], found, strict=True):
                assert Event.unscoped.filter(run__connection=connection, name="queued").count() == len(made)
                connection.refresh_from_db()
                assert connection.next_due is not None
                assert connection.next_due > max(made)


def instants(connection: Connection) -> dict[datetime, datetime]:
    """The due instants that became runs, from their unique keys, and when the tick looked that made them.

    A run's window ends at the instant that its tick read from the clock, or, where each period has its own run, at the
    due instant.
    """
    runs = Run.unscoped.filter(connection=connection).order_by("pk").values_list("due_key", "window_end")
    found = {datetime.fromisoformat(str(key).partition(":")[2]): looked for key, looked in runs}
    assert len(found) == len(runs), "an instant became two runs"
    return found


def faults_of(pipeline: Pipeline, made: dict[datetime, datetime]) -> list[str]:
    """What breaks the pipeline's policy: an instant passed over, or made out of its turn."""
    schedule = pipeline.schedule
    assert schedule is not None
    wrong = [f"{due} is none of its times" for due in made if schedule.after(due - STEP / 8, Place()) != due]
    match pipeline.catch_up:
        case "each":
            pairs = pairwise(made)
            return wrong + [f"{one} then {two}" for one, two in pairs if schedule.after(one, Place()) != two]
        case "skip":
            late = timedelta(seconds=SKIP_AFTER)
            return wrong + [f"{due} was made at {at}" for due, at in made.items() if at - due > late]
        case _:
            return wrong + [fault for pair in pairwise(made.items()) if (fault := out_of_turn(schedule, *pair))]


def out_of_turn(schedule: Schedule, run: tuple[datetime, datetime], following: tuple[datetime, datetime]) -> str:
    """Empty when `following` is the first instant after the tick that made `run`: nothing passed over, none made twice.

    Tickers that were held up for longer than a step owe one run for all instants that went by.
    """
    (due, looked), (next_due, _) = run, following
    right = schedule.after(max(due, looked), Place())
    return "" if next_due == right else f"{due} made {looked}, then {next_due} and not {right}"
