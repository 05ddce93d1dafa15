import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from config.embedded import EmbeddedValkey, server_command, server_pid, url_of
from config.paths import LONGEST_SOCKET_PATH, PROJECT, private_dir, socket_path
from config.supervisor import ProcessGroupGuard

OWN = """
import signal, sys
from pathlib import Path
from config.embedded import EmbeddedValkey
from config.supervisor import ProcessGroupGuard
with ProcessGroupGuard(grace=0) as guard, EmbeddedValkey(Path(sys.argv[1]), guard):
    print("answers", flush=True)
    signal.pause()
"""
PATIENCE = 200
"""Seconds after which a test fails that would else hang."""


@pytest.fixture
def guard() -> Iterator[ProcessGroupGuard]:
    with ProcessGroupGuard(grace=0) as guard:
        yield guard


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return socket_path("valkey.sock", tmp_path)


def owner_elsewhere(socket: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", OWN, str(socket)], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "answers\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
def test_server_answers_on_its_socket_and_keeps_nothing_on_disk(socket: Path, guard: ProcessGroupGuard) -> None:
    with EmbeddedValkey(socket, guard), Redis.from_url(url_of(socket)) as client:
        client.set("key", "value")
        assert client.get("key") == b"value"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    assert server_pid(socket) is None
    assert [path.name for path in socket.parent.iterdir()] == ["valkey.lock"]


@pytest.mark.slow
def test_server_that_died_is_started_again(socket: Path, guard: ProcessGroupGuard) -> None:
    with EmbeddedValkey(socket, guard) as server:
        first = server_pid(socket)
        assert first is not None
        os.kill(first, signal.SIGKILL)

        assert server.wait()
        assert server_pid(socket) not in (first, None)


@pytest.mark.slow
def test_server_ends_when_its_owner_is_killed(socket: Path) -> None:
    owner = owner_elsewhere(socket)

    end(owner)

    wait_until(lambda: server_pid(socket) is None)


@pytest.mark.slow
def test_second_process_uses_the_server_of_the_first_and_leaves_it_running(
    socket: Path, guard: ProcessGroupGuard
) -> None:
    owner = owner_elsewhere(socket)
    pid = server_pid(socket)

    with EmbeddedValkey(socket, guard):
        assert server_pid(socket) == pid

    assert server_pid(socket) == pid
    end(owner)
    wait_until(lambda: server_pid(socket) is None)


@pytest.mark.slow
def test_server_whose_owner_is_gone_is_adopted_and_ended(socket: Path, guard: ProcessGroupGuard) -> None:
    orphan = subprocess.Popen(server_command(socket), stdout=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: server_pid(socket) == orphan.pid)

    with EmbeddedValkey(socket, guard):
        assert server_pid(socket) == orphan.pid

    assert orphan.wait(timeout=PATIENCE) == -signal.SIGKILL


def test_socket_path_that_is_too_long_moves_to_a_short_private_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * LONGEST_SOCKET_PATH)

    moved = socket_path("valkey.sock", deep)

    assert len(os.fsencode(moved)) <= LONGEST_SOCKET_PATH
    assert moved == socket_path("valkey.sock", deep)
    assert moved != socket_path("valkey.sock", deep / "other")


def test_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    assert private_dir(tmp_path / "open").stat().st_mode & 0o777 == 0o700


def test_private_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(PermissionError, match="SLUICEGATE_VAR"):
        private_dir(tmp_path / "link")
