"""A Redis that is stopped holds nobody up for longer than one timeout, and cuts off no worker that waits for work."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django_rq.settings import QUEUES

from config.embedded import EmbeddedValkey, url_of
from config.embedded.server import server_pid
from config.environment import with_timeouts
from ingestion import actions, jobs, queueing, scheduling
from ingestion.models import Run
from ingestion.testing import registered
from tests import servers
from tests.ingestion.chaos.processes import end, in_child, start_child
from tests.ingestion.runs import OPERATOR, items, new_tenant, over, queued

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]

FREE = "ingestion-free"
SECONDS = 1
"""The connections' timeout here; the project's own is three times as long."""
PATIENCE = 200
"""Seconds after which a test fails that would else hang."""


class Stoppable:
    """A Redis of one's own that can be stopped like a machine that hangs."""

    def __init__(self, server: EmbeddedValkey) -> None:
        self.url = with_timeouts(url_of(server.socket), SECONDS)
        pid = server_pid(server.socket)
        assert pid is not None
        self._pid = pid

    def stop(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def use(self) -> None:
        """Only ever called in a child: the queues of this process are here from now on."""
        for queue in QUEUES.values():
            queue["URL"] = self.url


@pytest.fixture
def redis() -> Iterator[Stoppable]:
    folder = Path(tempfile.mkdtemp(prefix="stopped-", dir=servers.session_folder()))
    with EmbeddedValkey(folder / "socket", servers.guard()) as server:
        stoppable = Stoppable(server)
        yield stoppable
        stoppable.go_on()


def waits(redis: Stoppable, work: Callable[[], object]) -> int:
    """How often `work` waits for a timeout, in a process of its own while Redis is stopped.

    A connection that got no answer is given up, so each wait is of another connection, and Python tells of each.
    """
    reader, writer = os.pipe()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and str(arguments[1]) in redis.url:
            os.write(writer, b".")

    def noted() -> None:
        redis.use()
        sys.addaudithook(note)  # for as long as this process lives
        work()

    redis.stop()
    assert in_child(noted) == 0
    os.close(writer)
    with os.fdopen(reader) as connections:
        return len(connections.read())


def test_an_upload_lands_while_redis_is_stopped(redis: Stoppable) -> None:
    connected = actions.connect(OPERATOR, new_tenant(), "bank.statements")

    times = waits(redis, lambda: actions.upload(OPERATOR, connected, "june.sta", b":20:X\n"))

    assert times == 1
    assert Run.unscoped.filter(connection=connected, state=Run.State.QUEUED).count() == 1


def test_the_consoles_upload_page_answers_while_redis_is_stopped(redis: Stoppable) -> None:
    connected = actions.connect(OPERATOR, new_tenant(), "bank.statements")
    user = get_user_model().objects.create_superuser("olga", password="x")
    client = Client()
    client.force_login(user)
    page = reverse("admin:ingestion_connection_upload")

    def upload() -> None:
        sent = {"connection": connected.pk, "file": SimpleUploadedFile("june.sta", b":20:X\n")}
        assert client.post(page, sent).status_code == 302

    times = waits(redis, upload)

    assert times == 1
    assert Run.unscoped.filter(connection=connected).count() == 1


def test_a_tick_with_many_hints_waits_once_while_redis_is_stopped(redis: Stoppable) -> None:
    with registered(over(items(1))) as pipeline:
        for _ in range(20):
            queued(pipeline)

        times = waits(redis, scheduling.tick)

    assert times == 1


def test_asking_for_health_waits_once_while_redis_is_stopped(redis: Stoppable) -> None:
    scheduling.tick()

    times = waits(redis, lambda: call_command("ingest", "health"))

    assert times == 1


def test_a_worker_waits_for_work_longer_than_the_timeout_and_outlives_a_stop(redis: Stoppable) -> None:
    def work() -> None:
        redis.use()
        jobs.work(FREE)

    def wake(run: Run) -> None:
        def send() -> None:
            redis.use()
            queueing.wake(run.pk, run.tenant.tier, run.fence)

        assert in_child(send) == 0

    with registered(over(items(1))) as pipeline:
        worker = start_child(work)
        time.sleep(2.5 * SECONDS)
        first = queued(pipeline)
        wake(first)
        until_it_ended(first)
        redis.stop()
        time.sleep(2.5 * SECONDS)
        redis.go_on()
        second = queued(pipeline)
        wake(second)
        until_it_ended(second)
        os.kill(worker, signal.SIGTERM)

        assert end(worker) == 0
    assert (first.state, second.state) == (Run.State.SUCCEEDED, Run.State.SUCCEEDED)


def until_it_ended(run: Run) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        run.refresh_from_db()
        if run.state in Run.TERMINAL:
            return
        time.sleep(0.05)
    raise AssertionError(f"{run} is still {run.state}")
