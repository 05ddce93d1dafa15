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
        assert found[0] == first
        assert all(later - earlier == STEP for earlier, later in pairwise(found)), "an instant was passed or came twice"
        connection.refresh_from_db()
        assert connection.next_due == found[-1] + STEP
        assert found[-1] > read_db_now() - 2 * STEP, "the tickers stood still"
        assert Event.unscoped.filter(run__connection=connection, name="queued").count() == len(found)


def instants(connection: Connection) -> list[datetime]:
    """The due instants that became runs, from their unique keys."""
    keys = Run.unscoped.filter(connection=connection).order_by("pk").values_list("due_key", flat=True)
    return [datetime.fromisoformat(str(key).partition(":")[2]) for key in keys]
