"""A Redis of the streams' own, which keeps what it was told on disk before it answers, and can be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from config.embedded import server_command, url_of
from tests import servers
from tests.ingestion.conftest import _django_db_helper, committed  # noqa: F401  fixtures of the crash tests


class KeptRedis:
    """`append-only, fsync always`: what a stream that must not lose anything is run with."""

    def __init__(self) -> None:
        # A UNIX socket's path may have 108 characters, and pytest's own folders have more.
        self.folder = Path(tempfile.mkdtemp(prefix="streams-", dir=servers.session_folder()))
        self.socket = self.folder / "socket"
        self.url = url_of(self.socket)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        kept = ["--appendonly", "yes", "--appendfsync", "always"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*server_command(self.socket), *kept], stdout=log, stderr=log, start_new_session=True
            )
        servers.guard().hold(self.process.pid)
        for _ in range(200):
            try:
                with self.client() as client:
                    client.ping()
                return
            except RedisError:
                time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text()[-2000:])

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.socket.unlink(missing_ok=True)

    def restart(self) -> None:
        self.kill()
        self.start()

    def client(self) -> Redis:
        return Redis.from_url(self.url)


@pytest.fixture(scope="session")
def kept_redis() -> Iterator[KeptRedis]:
    server = KeptRedis()
    server.start()
    yield server
    server.kill()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def stream_redis(kept_redis: KeptRedis) -> KeptRedis:
    if kept_redis.process is None or kept_redis.process.poll() is not None:
        kept_redis.start()
    with kept_redis.client() as client:
        client.flushall()
    return kept_redis
