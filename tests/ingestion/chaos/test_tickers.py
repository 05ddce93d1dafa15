"""Four tickers at once, killed at random: every due instant becomes exactly one run."""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.db import OperationalError, connections, transaction

from ingestion import actions, scheduling
from ingestion.clock import db_now_plus, read_db_now
from ingestion.models import Connection, Event, Run
from tests.ingestion.chaos.processes import KILLED, end, start_child
from tests.ingestion.runs import OPERATOR, new_tenant

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

CONNECTIONS, SECONDS = 30, 10.0
STEP = timedelta(seconds=2)


def tick_for_ever() -> None:
    while True:
        try:
            scheduling.tick()
            end_queued_runs()
        except OperationalError:
            connections.close_all()
        time.sleep(random.uniform(0, 0.02))


def end_queued_runs() -> None:
    """What workers would do, at once: the connection is idle again and owes its next instant."""
    with transaction.atomic():
        Run.unscoped.filter(pipeline="app.ticking", state=Run.State.QUEUED).update(state=Run.State.SUCCEEDED)


def test_four_tickers_killed_at_random_make_one_run_of_every_due_instant() -> None:
    started = [actions.connect(OPERATOR, new_tenant(), "app.ticking") for _ in range(CONNECTIONS)]
    mine = Connection.unscoped.filter(pk__in=[one.pk for one in started])
    mine.update(next_due=db_now_plus(0.5))
    first = mine.values_list("next_due", flat=True)[0]
    assert first is not None
    draw, kills, tickers = random.Random(4), 0, [start_child(tick_for_ever) for _ in range(4)]

    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        time.sleep(draw.uniform(0.05, 0.3))
        number = draw.randrange(4)
        os.kill(tickers[number], signal.SIGKILL)
        assert end(tickers[number]) == KILLED
        kills += 1
        tickers[number] = start_child(tick_for_ever)
    for ticker in tickers:
        os.kill(ticker, signal.SIGKILL)
        end(ticker)
    scheduling.tick()

    print(f"{kills} kills, {sum(len(instants(one)) for one in started)} instants")
    assert kills >= 20
    for connection in started:
        found = instants(connection)
        assert next(iter(found)) == first
        assert [fault for pair in pairwise(found.items()) if (fault := out_of_turn(*pair))] == []
        connection.refresh_from_db()
        due, made = list(found.items())[-1]
        assert out_of_turn((due, made), (connection.next_due, made)) == ""
        assert due > read_db_now() - 2 * STEP, "the tickers stood still"
        assert Event.unscoped.filter(run__connection=connection, name="queued").count() == len(found)


def instants(connection: Connection) -> dict[datetime, datetime]:
    """The due instants that became runs, from their unique keys, and when they did."""
    runs = Run.unscoped.filter(connection=connection).order_by("pk").values_list("due_key", "created_at")
    found = {datetime.fromisoformat(str(key).partition(":")[2]): made for key, made in runs}
    assert len(found) == len(runs), "an instant became two runs"
    return found


def out_of_turn(run: tuple[datetime, datetime], following: tuple[datetime | None, datetime]) -> str:
    """Empty when `following` is the first instant after `run` was made: nothing passed over, nothing made twice.

    Tickers that were held up for longer than a step owe one run for all instants that went by. The row was written a
    moment after the tick read the clock.
    """
    (due, made), (next_due, _) = run, following
    steps = {int((at - due) / STEP) + 1 for at in (made, made - timedelta(milliseconds=500)) if at >= due} or {1}
    return "" if next_due in {due + count * STEP for count in steps} else f"{due} made {made}, then {next_due}"
