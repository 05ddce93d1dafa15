"""The commands of the standalone project, run as a person would: in a process of their own."""

import contextlib
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from config.paths import PROJECT

pytestmark = pytest.mark.slow


class Manage:
    """Starts `manage.py` commands on a fresh machine's environment: nothing but a place for the data."""

    def __init__(self, folder: Path) -> None:
        self.var = str(folder / "var")
        self.output = folder / "output"
        self.environment = {"PATH": os.environ["PATH"], "SLUICEGATE_VAR": self.var, "SLUICEGATE_BOOTSTRAP": "0"}
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        with self.output.open("wb") as out:
            process = subprocess.Popen(command, cwd=PROJECT, env=self.environment | environment, stdout=out, stderr=out)
        self.started.append(process)
        return process

    def processes(self) -> list[int]:
        """Every process that was started with this folder for its data."""
        mark = f"SLUICEGATE_VAR={self.var}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if mark in entry.read_bytes().split(b"\0"):
                    found.append(int(entry.parent.name))
        return found


@pytest.fixture
def manage(tmp_path: Path) -> Iterator[Manage]:
    manage = Manage(tmp_path)
    yield manage
    for process in manage.started:
        process.kill()
        process.wait()


@pytest.fixture
def migrated(manage: Manage, db: None) -> None:
    """The tables are there already, as after an earlier start; `demo --once` begins on a bare machine."""
    folder = Path(manage.var)
    folder.mkdir(mode=0o700)
    tests_own = sqlite3.connect(str(connection.settings_dict["NAME"]))
    with contextlib.closing(tests_own), contextlib.closing(sqlite3.connect(folder / "db.sqlite3")) as copy:
        tests_own.backup(copy)


@pytest.fixture
def without_sessions(manage: Manage, migrated: None) -> Path:
    """As after an upgrade: the tables are there but for those of one app, which its migration makes. The database."""
    file = Path(manage.var) / "db.sqlite3"
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("DROP TABLE django_session")
        database.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    return file


def tables(file: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(file)) as database:
        return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def wait_until(condition: Callable[[], object], seconds: float = 200) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def unused_port() -> int:
    """Of the kernel's choice, so that runs that start together do not choose the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_demo_once_ends_well_and_leaves_no_process(manage: Manage) -> None:
    demo = manage("demo", "--once")

    assert demo.wait(timeout=200) == 0, manage.output.read_text()
    assert "55 transactions in the ledger" in manage.output.read_text()
    assert manage.processes() == []


@pytest.mark.usefixtures("migrated")
def test_killed_demo_leaves_no_process(manage: Manage) -> None:
    """Killed while its programs are still starting, which is no better moment for them than a later one."""
    demo = manage("demo", "--port", str(unused_port()), PYTHONPROFILEIMPORTTIME="1")  # each says at once that it runs
    wait_until(lambda: re.search(r"^scheduler +\| ", manage.output.read_text(), re.MULTILINE))  # it is the last of them
    assert re.search(r"Password:  \S{12}", manage.output.read_text())
    assert len(manage.processes()) > 4

    demo.kill()
    demo.wait()

    wait_until(lambda: manage.processes() == [])


def test_interrupted_up_stops_everything_in_order(manage: Manage, without_sessions: Path) -> None:
    port = unused_port()
    up = manage("up", "--port", str(port))
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/alive"))

    up.send_signal(signal.SIGINT)

    assert up.wait(timeout=200) == 0
    output = manage.output.read_text()
    assert re.search(rf"^\d{{4}}-[-\d]+ [:,\d]+ INFO supervisor process {up.pid} begins$", output, re.MULTILINE)
    assert output.endswith("Stopped.\n")
    assert manage.processes() == []
    assert "django_session" in tables(without_sessions), "it migrates before it starts anything"


def test_demo_refuses_a_server_database(manage: Manage) -> None:
    demo = manage(
        "demo",
        "--once",
        DATABASE_URL="postgres://user@localhost/name",
        SECRET_KEY="x",
        MASTER_KEYS=f"1={secrets.token_urlsafe(32)}",
    )

    assert demo.wait(timeout=200) == 1
    assert "Unset DATABASE_URL" in manage.output.read_text()
