"""Worker and tick processes as a deployment runs them, under a supervisor that starts the dead ones again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil
from django.conf import settings
from django.db import connection

from config.embedded import EmbeddedValkey, url_of
from config.paths import PROJECT
from config.supervisor import end_session
from tests import servers

INGESTION = {"LEASE_SECONDS": 1.5, "TICK_SECONDS": 0.4, "BACKOFF_SECONDS": 0.2, "MAX_ATTEMPTS": 100}


class Fleet:
    """Three workers of one queue and a ticker, on the test's database and a Redis of their own."""

    def __init__(self, *, seed: int, workers: int = 3, tickers: int = 1, **ingestion: Any) -> None:
        self.draw = random.Random(seed)
        # A UNIX socket's path may have 108 characters, and pytest's own folders have more.
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-", dir=servers.session_folder()))
        self.redis = EmbeddedValkey(self.folder / "redis" / "socket", servers.leash())
        self.commands = [["worker", "--queue", "ingestion-free"]] * workers + [["tick", "--loop"]] * tickers
        self.ingestion = {**INGESTION, **ingestion}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.sessions: list[int] = []
        self.kills = {"parents": 0, "horses": 0, "tickers": 0}

    def __enter__(self) -> Self:
        self.redis.__enter__()
        self.log = (self.folder / "log").open("ab")
        self.processes = [self._start(command) for command in self.commands]
        return self

    def __exit__(self, *raised: object) -> None:
        for session in self.sessions:
            end_session(session, grace=0)
        for process in self.processes:
            process.wait()
        self.log.close()
        self.redis.stop()

    def supervise(self) -> None:
        """Start again whatever ended."""
        for number, process in enumerate(self.processes):
            if process.poll() is not None:
                self.processes[number] = self._start(self.commands[number])

    def kill_something(self) -> bool:
        """SIGKILL a worker's child, or a worker whose child lives on, or a ticker; False when there was none."""
        kind = self.draw.choices(["horses", "parents", "tickers"], [5, 4, 1])[0]
        workers = [one for one, command in zip(self.processes, self.commands, strict=True) if command[0] == "worker"]
        tickers = [one for one in self.processes if one not in workers]
        busy = {one.pid: self._children(one.pid) for one in workers}
        found = {
            "horses": [child for children in busy.values() for child in children],
            "parents": [pid for pid, children in busy.items() if children],
            "tickers": [one.pid for one in tickers],
        }[kind]
        with suppress(ProcessLookupError, IndexError):
            os.kill(self.draw.choice(found), signal.SIGKILL)
            self.kills[kind] += 1
            return True
        return False

    def restart_redis(self) -> None:
        self.redis.stop()
        time.sleep(0.5)
        self.redis.__enter__()

    def flush_redis(self) -> None:
        from redis import Redis

        with Redis.from_url(url_of(self.redis.socket)) as client:
            client.flushall()

    def said(self, words: str) -> int:
        """How many lines of the processes' log hold `words`."""
        return sum(words in line for line in (self.folder / "log").read_text(errors="replace").splitlines())

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        url = servers.renamed(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"]))
        environment = {
            **os.environ,
            "DATABASE_URL": url,
            "REDIS_URL": url_of(self.redis.socket),
            "DJANGO_SETTINGS_MODULE": "tests.ingestion.chaos.settings",
            "SLUICEGATE_TEST_INGESTION": json.dumps(self.ingestion),
            "SLUICEGATE_BOOTSTRAP": "0",
            "SECRET_KEY": settings.SECRET_KEY,
        }
        process = subprocess.Popen(
            [sys.executable, "manage.py", "ingest", *command],
            cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip
        servers.leash().hold(process.pid)
        self.sessions.append(process.pid)
        return process

    def _children(self, pid: int) -> list[int]:
        with suppress(psutil.Error):
            return [child.pid for child in psutil.Process(pid).children()]
        return []
