"""A backfill carried by real workers over Redis, killed at random, beside live runs of the same connection."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from ingestion import actions
from ingestion.models import Connection, Event, Run
from tests.ingestion.chaos.fleet import Fleet
from tests.ingestion.chaos.ledger import Verdict, _run
from tests.ingestion.chaos.test_storm import until
from tests.ingestion.runs import OPERATOR, counts, new_tenant, watermarks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]
WORK = {"records": 120, "page": 20, "bad": 0.04, "pace": 0.05, "windowed": True}
START, SHARDS, KILLS = datetime(2026, 1, 1, tzinfo=UTC), 10, 15


def test_a_fleet_killed_at_random_carries_every_shard_and_the_live_runs_once() -> None:
    connection = actions.connect(OPERATOR, new_tenant(), "app.oracle")
    Connection.unscoped.filter(pk=connection.pk).update(config=WORK)
    connection.refresh_from_db()
    end = START + timedelta(days=SHARDS)
    parent = actions.backfill(OPERATOR, connection, START, end, reason="again", parallel=2, wake=False)
    live = [actions.run_now(OPERATOR, connection, wake=False) for _ in range(2)]
    mine = Run.unscoped.filter(connection=connection)
    most, together, killed = 0, False, 0

    with Fleet(seed=7) as fleet:
        until(lambda: mine.filter(batches__gt=0).exists(), fleet)
        while killed < KILLS and mine.filter(state__in=Run.ACTIVE).exists():
            time.sleep(fleet.draw.uniform(0.02, 0.4))
            running = list(mine.filter(active_key__isnull=False).values_list("parent_id", flat=True))
            most = max(most, running.count(parent.pk))
            together = together or {None, parent.pk} <= set(running)
            killed += fleet.kill_something()
            fleet.supervise()
        until(lambda: not mine.filter(state__in=Run.ACTIVE).exists(), fleet)

    verdict = Verdict()
    for run in [*parent.shards.order_by("pk"), *(Run.unscoped.get(pk=one.pk) for one in live)]:
        _run(run, WORK, verdict)
    print(verdict, fleet.kills, "together", together)
    assert verdict.is_clean, verdict
    assert 1 <= most <= 2
    parent.refresh_from_db()
    assert parent.state == Run.State.PARTIAL
    assert counts(parent) == tuple(sum(column) for column in zip(*map(counts, parent.shards.all()), strict=True))
    assert Event.unscoped.filter(run=parent, name__in=Run.TERMINAL).count() == 1
    assert set(watermarks(connection)) <= {one.window_end for one in live}
