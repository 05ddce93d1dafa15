"""`ingest tick`, `health`, `sweep` and `worker`."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import django_rq
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection as database
from django.utils.log import configure_logging
from redis import Redis

from ingestion import actions, artifacts, scheduling
from ingestion.database.clock import db_now_plus
from ingestion.management.verbs.stop_signals import stopping
from ingestion.models import Connection, Delivery, Heartbeat, Run
from ingestion.running import claims
from ingestion.testing import make_tenant, registered
from tests.ingestion import received
from tests.ingestion.chaos.processes import end, start_child
from tests.ingestion.chaos.zygote import become
from tests.ingestion.commands.shell import asked, ingest
from tests.ingestion.received import delivered_to

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 200
"""Seconds after which a test fails that would else hang."""
pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def connected() -> Connection:
    return actions.connect(actions.Actor(), make_tenant(), "app.payments")


def ticked(seconds_ago: float = 0) -> None:
    Heartbeat.objects.update_or_create(name=Heartbeat.TICK, defaults={"at": db_now_plus(-seconds_ago)})


def test_tick_turns_due_connections_into_runs() -> None:
    connection = connected()

    tick = asked("tick")["tick"]

    assert tick["made"] == 1
    assert Run.objects.for_tenant(connection.tenant).get().kind == Run.Kind.SCHEDULED


def test_health_is_good_after_a_tick_with_nothing_overdue() -> None:
    ticked()

    answer = ingest("health", "--json")

    assert (answer.code, answer.document["health"]["healthy"], answer.document["overdue"]) == (0, True, [])


def test_health_without_any_tick_exits_with_1() -> None:
    answer = ingest("health")

    assert (answer.code, "No tick has ever run" in answer.error) == (1, True)


def test_health_with_an_old_tick_exits_with_1() -> None:
    ticked(seconds_ago=3600)

    answer = ingest("health", "--json")

    assert (answer.code, answer.document["health"]["tick_age_seconds"] >= 3600) == (1, True)


def test_health_with_an_overdue_connection_exits_with_1_and_names_it() -> None:
    ticked()
    connection = connected()
    Connection.unscoped.filter(pk=connection.pk).update(next_due=db_now_plus(-3600))

    answer = ingest("health", "--json")

    assert answer.code == 1
    assert [row["tenant"] for row in answer.document["overdue"]] == ["acme"]


def test_health_names_connections_whose_deliveries_wait_for_more_than_an_hour() -> None:
    ticked()
    with registered(delivered_to()) as pipeline:
        connection = received.connected(pipeline, make_tenant())
        paused = received.connected(pipeline, connection.tenant, "paused")
        for one in (connection, paused):
            actions.deliver(one, "msg_1", b"{}", wake=False)
    actions.pause(actions.Actor(), paused, "holiday")
    fresh = ingest("health")
    Delivery.unscoped.update(received_at=db_now_plus(-3700))

    answer = ingest("health")

    assert (fresh.code, answer.code) == (0, 1)
    assert f"Deliveries have waited for more than an hour for {connection}: " in answer.error


def test_health_names_runs_whose_lease_has_expired() -> None:
    ticked()
    run = actions.run_now(actions.Actor(), connected(), wake=False)
    claims.claim(run.pk)
    Run.unscoped.filter(pk=run.pk).update(lease_until=db_now_plus(-10))
    Connection.unscoped.update(next_due=None)

    assert [row["id"] for row in asked("health")["expired_leases"]] == [run.pk]


def test_health_without_redis_is_not_unhealthy_but_says_so(no_redis: None) -> None:
    ticked()

    answer = ingest("health")

    assert (answer.code, "Redis cannot be reached" in answer.out) == (0, True)


def test_health_shows_queue_depths(redis: Redis) -> None:
    ticked()
    Run.objects.for_tenant(make_tenant()).count()

    assert set(asked("health")["health"]["queues"].values()) == {0}


def test_status_is_another_word_for_health() -> None:
    assert ingest("status").error == ingest("health").error


def test_sweep_deletes_old_files_that_no_row_names() -> None:
    tenant = make_tenant()
    store = artifacts.storage()
    name = store.save(f"ingestion/{tenant.key}/page/ab/orphan.zst", ContentFile(b"x"))
    two_days_ago = time.time() - timedelta(days=2).total_seconds()
    os.utime(store.path(name), (two_days_ago, two_days_ago))

    swept = asked("sweep", "--tenant", "acme")["swept"]

    assert swept == [{"tenant": "acme", "files": 1, "deliveries": 0, "spendings": 0, "stripe_events": 0}]
    assert not store.exists(name)


def test_worker_refuses_a_queue_it_does_not_know() -> None:
    answer = ingest("worker", "--queue", "default")

    assert (answer.code, "known: ingestion-free" in answer.error) == (2, True)


@pytest.mark.django_db(transaction=True)
def test_worker_executes_what_is_queued(process_environment: dict[str, str], redis: Redis) -> None:
    run = actions.run_now(actions.Actor(), connected())
    environment = {**process_environment, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = manage(environment, "ingest", "worker", "--queue", "ingestion-free", "--burst")

    run.refresh_from_db()
    assert (done.returncode, run.state) == (0, Run.State.SUCCEEDED), done.stderr
    assert re.search(r"^Worker \d+ serves ingestion-free;", done.stdout, re.MULTILINE)


@pytest.mark.django_db(transaction=True)
def test_worker_of_the_tick_queue_ticks(redis: Redis, tmp_path: Path) -> None:
    connection = connected()
    said = tmp_path / "said"
    scheduled = end(start(said, "scheduler", "--burst"))

    done = end(start(said, "worker", "--queue", "ingestion-tick", "--burst"))

    assert (scheduled, done) == (0, 0), said.read_text()
    assert scheduling.last_tick() is not None, said.read_text()
    assert Run.objects.for_tenant(connection.tenant).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("words", [("worker", "--queue", "ingestion-free", "--burst"), ("scheduler", "--burst")])
def test_without_redis_a_worker_and_a_scheduler_end_with_a_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    said = tmp_path / "said"

    code = end(start(said, *words, first=without_redis))

    assert code == 1
    assert "CommandError: Redis cannot be reached" in said.read_text()
    assert " serves " not in said.read_text()


@pytest.mark.django_db(transaction=True)
def test_tick_loop_survives_without_redis_and_stops_on_sigterm(tmp_path: Path) -> None:
    said = tmp_path / "said"
    loop = start(said, "tick", "--loop", first=without_redis)
    with ended(loop):
        wait_until(lambda: scheduling.last_tick() is not None)
        assert f"Tick {loop} looks every" in said.read_text()  # while it goes on, not when it ends
        os.kill(loop, signal.SIGTERM)

        assert end(loop) == 0


@pytest.mark.django_db(transaction=True)
def test_tick_loop_survives_without_its_database(tmp_path: Path) -> None:
    said = tmp_path / "said"

    def on_an_empty_database() -> None:
        database.settings_dict["NAME"] = str(tmp_path / "empty.sqlite3")

    loop = start(said, "tick", "--loop", first=on_an_empty_database)
    with ended(loop):
        wait_until(lambda: "The tick could not use the database" in said.read_text())
        os.kill(loop, signal.SIGTERM)

        assert end(loop) == 0


@pytest.mark.django_db(transaction=True)
def test_asking_wrongly_from_a_shell_exits_with_2(process_environment: dict[str, str], tmp_path: Path) -> None:
    assert manage(process_environment, "ingest", "run", "--tenant", "nobody", "--pipeline", "x").returncode == 2
    assert end(start(tmp_path / "said", "nonsense")) == 2


def test_a_signal_is_a_wish_to_stop_and_the_second_one_insists() -> None:
    with stopping() as stop:
        signal.raise_signal(signal.SIGTERM)

        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_the_handlers_before_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with stopping():
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before


def test_outside_the_main_thread_no_handler_is_set() -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=lambda: stopping().__enter__())

    thread.start()
    thread.join()

    assert signal.getsignal(signal.SIGTERM) is before


def manage(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)


def start(said: Path, *words: str, first: Callable[[], None] = lambda: None) -> int:
    """`manage.py ingest` forked from this process, which has all read that a new one would have to: its id, for `end`."""

    def command() -> None:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        sys.stderr = sys.stdout = os.fdopen(2, "w", buffering=1)
        configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
        first()
        become(["ingest", *words])

    said.touch()
    return start_child(command)


def without_redis() -> None:
    for queue in django_rq.settings.QUEUES.values():
        queue["URL"] = "unix:///nowhere/redis.sock"


@contextmanager
def ended(pid: int) -> Iterator[None]:
    """Leaves no such process behind when a test fails."""
    try:
        yield
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise


def wait_until(true: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.1)
