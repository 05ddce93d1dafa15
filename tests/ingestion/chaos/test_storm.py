"""Workers, their children and tickers killed at random, Redis emptied and restarted, database connections ended, and
every record there once. The long one: `pytest tests/ingestion/chaos/test_storm.py -m soak` (about 15 minutes a database).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import DatabaseError, connection

from ingestion import actions
from ingestion.models import Connection, Run
from tests import servers
from tests.ingestion.chaos.fleet import Fleet
from tests.ingestion.chaos.ledger import Verdict, audit
from tests.ingestion.runs import OPERATOR, new_tenant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

WORK = {"records": 900, "page": 30, "bad": 0.04, "slow": 0.08, "sleep": 2.0, "pace": 0.01}
PATIENCE = 120.0


def storm(kills: int, seed: int, tenants: int = 5) -> tuple[Verdict, Fleet]:
    """Let a fleet work while it is killed `kills` times, let it finish in peace, and count."""
    connections = [actions.connect(OPERATOR, new_tenant(), "app.oracle") for _ in range(tenants)]
    Connection.unscoped.filter(pk__in=[one.pk for one in connections]).update(config=WORK)
    for one in connections:
        one.refresh_from_db()
    with Fleet(seed=seed) as fleet:
        disasters = planned(fleet, kills)
        killed, turn = 0, itertools.cycle(connections)
        until(lambda: Run.unscoped.filter(batches__gt=0, connection__in=connections).exists(), fleet, connections, turn)
        while killed < kills:
            time.sleep(fleet.draw.uniform(0.02, 0.45))
            keep_busy(connections, turn)
            killed += fleet.kill_something()
            fleet.supervise()
            disasters.pop(killed, lambda: None)()
        until(lambda: not Run.unscoped.filter(state__in=Run.ACTIVE, connection__in=connections).exists(), fleet)
    return audit(connections), fleet


def keep_busy(connections: list[Connection], turn: Any) -> None:
    """Four runs under way, of different tenants where possible."""
    with suppress(DatabaseError):
        while Run.unscoped.filter(connection__in=connections, state__in=Run.ACTIVE).count() < 4:
            actions.run_now(OPERATOR, next(turn), wake=False)
        return
    connection.close()


def until(done: Callable[[], bool], fleet: Fleet, *busy: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        fleet.supervise()
        if busy:
            keep_busy(*busy)
        with suppress(DatabaseError):
            if done():
                return
        time.sleep(0.1)
    left = [(run.pk, run.state, run.fence, run.error_message) for run in Run.unscoped.filter(state__in=Run.ACTIVE)]
    raise AssertionError(f"not done in {PATIENCE:g} s: {left}; {(fleet.folder / 'log').read_text()[-3000:]}")


def planned(fleet: Fleet, kills: int) -> dict[int, Callable[[], None]]:
    """What happens beside the kills, by how many of them are over."""
    found: dict[int, Callable[[], None]] = {}
    for number in range(5, kills, 15):
        found[number] = end_a_database_connection
    for number in range(10, kills, 20):
        found[number] = fleet.flush_redis
    for number in range(kills // 3, kills, max(kills // 2, 50)):
        found[number] = fleet.restart_redis
    for number in range(kills // 2, kills, max(kills // 2, 250)):
        found[number] = restart_mariadb
    return found


def end_a_database_connection() -> None:
    lists = {
        "mysql": "SELECT CONCAT('KILL ', id) FROM information_schema.processlist "
        "WHERE id <> CONNECTION_ID() AND db = DATABASE() ORDER BY RAND() LIMIT 1",
        "postgresql": "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database() ORDER BY random() LIMIT 1",
    }
    if connection.vendor in lists:
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute(lists[connection.vendor])
            for (statement,) in cursor.fetchall():
                cursor.execute(statement)


def restart_mariadb() -> None:
    """kill -9 of the server in the middle of everybody's transactions; InnoDB recovers what was committed."""
    for number, process in enumerate(servers._processes):
        arguments: list[str] = list(process.args)  # type: ignore[arg-type]
        if "mariadbd" in arguments[0]:
            connection.close()
            process.kill()
            process.wait()
            folder = servers.session_folder() / "mariadb"
            servers.start(arguments, folder, "mysql")
            servers._processes[number] = servers._processes.pop()
            servers.wait_for(connection.ensure_connection, DatabaseError, folder)


def test_sixty_kills_lose_and_double_nothing() -> None:
    verdict, fleet = storm(kills=60, seed=60)

    print(verdict, fleet.kills, "fenced", fleet.said("event=fenced"))
    assert verdict.is_clean, verdict
    assert sum(fleet.kills.values()) == 60
    assert verdict.runs >= 4


@pytest.mark.soak
def test_a_thousand_kills_lose_and_double_nothing() -> None:
    verdict, fleet = storm(kills=1000, seed=1000, tenants=8)

    print(verdict, fleet.kills, "fenced", fleet.said("event=fenced"))
    assert verdict.is_clean, verdict
    assert fleet.said("event=fenced") > 0, "no worker ever came back from the dead: the storm proved too little"
