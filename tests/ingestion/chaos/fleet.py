"""Worker and tick processes as a deployment runs them, under a supervisor that starts the dead ones again."""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil
from django.conf import settings
from django.db import connection

from config.embedded import EmbeddedValkey, url_of
from config.supervisor import end_session
from tests import servers
from tests.ingestion.chaos.zygote import Zygote

INGESTION = {"LEASE_SECONDS": 1.5, "TICK_SECONDS": 0.4, "BACKOFF_SECONDS": 0.2, "MAX_ATTEMPTS": 100}


class Fleet:
    """Three workers of one queue and a ticker, on the test's database and a Redis of their own."""

    def __init__(self, *, seed: int, workers: int = 3, tickers: int = 1, **ingestion: Any) -> None:
        self.draw = random.Random(seed)
        # A UNIX socket's path may have 108 characters, and pytest's own folders have more.
        self.folder = Path(tempfile.mkdtemp(prefix="fleet-", dir=servers.session_folder()))
        self.redis = EmbeddedValkey(self.folder / "redis" / "socket", servers.guard())
        self.commands = [["worker", "--queue", "ingestion-free"]] * workers + [["tick", "--loop"]] * tickers
        self.ingestion = {**INGESTION, **ingestion}
        self.processes: list[psutil.Process | None] = []
        self.sessions: list[int] = []
        self.kills = {"parents": 0, "horses": 0, "tickers": 0}

    def __enter__(self) -> Self:
        self.redis.__enter__()
        self.log = (self.folder / "log").open("ab")
        self.zygote = Zygote(self._environment(), self.log)
        self.processes = [self._start(command) for command in self.commands]
        return self

    def __exit__(self, *raised: object) -> None:
        for session in self.sessions:
            end_session(session, grace=0)
        self.zygote.close()
        self.log.close()
        self.redis.stop()

    def supervise(self) -> None:
        """Start again whatever ended."""
        for number, process in enumerate(self.processes):
            if process is None or not process.is_running():
                self.processes[number] = self._start(self.commands[number])

    def kill_something(self) -> bool:
        """SIGKILL a worker's child, or a worker whose child lives on, or a ticker; False when there was none."""
        kind = self.draw.choices(["horses", "parents", "tickers"], [5, 4, 1])[0]
        running = [(process, command[0]) for process, command in zip(self.processes, self.commands, strict=True)]
        workers = {process.pid: children(process) for process, verb in running if process and verb == "worker"}
        victims = {
            "horses": [child for horses in workers.values() for child in horses],
            "parents": [pid for pid, horses in workers.items() if horses],
            "tickers": [process.pid for process, verb in running if process and verb == "tick"],
        }[kind]
        with suppress(ProcessLookupError, IndexError):
            os.kill(self.draw.choice(victims), signal.SIGKILL)
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

    def _start(self, command: list[str]) -> psutil.Process | None:
        process = self.zygote.start(["ingest", *command])
        if process is not None:
            self.sessions.append(process.pid)
        return process

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": servers.renamed(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"])),
            "REDIS_URL": url_of(self.redis.socket),
            "DJANGO_SETTINGS_MODULE": "tests.ingestion.chaos.settings",
            "SLUICEGATE_TEST_INGESTION": json.dumps(self.ingestion),
            "SLUICEGATE_BOOTSTRAP": "0",
            "SECRET_KEY": settings.SECRET_KEY,
        }


def children(process: psutil.Process) -> list[int]:
    with suppress(psutil.Error):
        return [child.pid for child in process.children()]
    return []
