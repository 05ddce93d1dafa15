"""`manage.py up` as it is started in production, on PostgreSQL and Redis; and what can be taken from it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil
from django.conf import settings
from django.db import DatabaseError, connection

from config.paths import PROJECT
from config.programs import free_port
from tests import servers

INGESTION = {
    "LEASE_SECONDS": 15, "TICK_SECONDS": 5, "BACKOFF_SECONDS": 2, "BACKOFF_CAP_SECONDS": 60, "RECORD_SECONDS": 45,
    "PRIVATE_NETWORKS": ["127.0.0.0/8"],
}  # fmt: skip


class House:
    """Web, six workers and the tick under their supervisor; what all of them print goes to `log`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.port = free_port(8700)
        self.redis = servers.start_redis()
        self.files = Path(settings.MEDIA_ROOT) / "ingestion"

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *raised: object) -> None:
        self.supervisor.terminate()
        try:
            self.supervisor.wait(60)
        finally:
            self.supervisor.kill()

    def up(self) -> None:
        command = [sys.executable, "manage.py", "up", "--workers", "2", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.supervisor = subprocess.Popen(
                command, cwd=PROJECT, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        servers.guard().hold(self.supervisor.pid)

    def programs(self, word: str) -> list[psutil.Process]:
        """Those whose command has `word`: "config.web", "worker", "tick"."""
        with suppress(psutil.Error):
            return [one for one in psutil.Process(self.supervisor.pid).children() if word in " ".join(one.cmdline())]
        return []

    def horses(self) -> list[psutil.Process]:
        """The children of the workers, each with a run."""
        found: list[psutil.Process] = []
        for worker in self.programs("worker"):
            with suppress(psutil.Error):
                found += worker.children()
        return found

    def lose_power(self) -> None:
        """The supervisor dies, and with it everything; somebody starts it again."""
        self.supervisor.kill()
        self.supervisor.wait()
        time.sleep(2)
        self.up()

    def stop_redis(self) -> None:
        self.redis.stop()

    def start_redis(self) -> None:
        self.redis.__enter__()

    def take_files_away(self) -> None:
        """As a mount that went away: a permission would not keep root out."""
        self.files.mkdir(parents=True, exist_ok=True)
        self.files.rename(self.files.with_name("ingestion.away"))
        self.files.write_bytes(b"")

    def bring_files_back(self) -> None:
        self.files.unlink()
        self.files.with_name("ingestion.away").rename(self.files)

    def stop_postgres(self) -> None:
        """At once and without a checkpoint, as after kill -9; what was committed stays."""
        connection.close()
        process = self._postgres()
        process.send_signal(signal.SIGQUIT)
        process.wait()

    def start_postgres(self) -> None:
        old = self._postgres()
        servers._processes.remove(old)
        folder = servers.session_folder() / "postgres"
        servers.start([str(part) for part in old.args], folder, "postgres")  # type: ignore[union-attr]
        servers.wait_for(connection.ensure_connection, DatabaseError, folder)

    @staticmethod
    def _postgres() -> subprocess.Popen[bytes]:
        return next(one for one in servers._processes if str(one.args[0]).endswith("postgres"))  # type: ignore[index]

    def _environment(self) -> dict[str, Any]:
        return {
            **os.environ,
            "DATABASE_URL": servers.renamed(os.environ["DATABASE_URL"], str(connection.settings_dict["NAME"])),
            "REDIS_URL": servers.redis_url(),
            "DJANGO_SETTINGS_MODULE": "tests.ingestion.chaos.night.settings",
            "SLUICEGATE_TEST_INGESTION": json.dumps(INGESTION),
            "SLUICEGATE_BOOTSTRAP": "0",
            "SECRET_KEY": settings.SECRET_KEY,
        }
