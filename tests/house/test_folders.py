"""Test processes that start, end and are killed together neither lose their folders nor leave any."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.paths import PROJECT
from tests.folders import LOCK, PREFIX, OwnFolder, sweep

BUSY = """
import sys
from pathlib import Path
from tests.folders import OwnFolder

for round in range(40):
    folder = OwnFolder(Path(sys.argv[1]))
    (folder.path / "kept").write_text("mine")
    assert (folder.path / "kept").read_text() == "mine"
    folder.remove()
"""
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.folders import OwnFolder

folder = OwnFolder(Path(sys.argv[1]))
(folder.path / "left").touch()
os.kill(os.getpid(), signal.SIGKILL)
"""


def start(program: str, parent: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-S", "-c", program, str(parent)]
    return subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True)


def left(parent: Path) -> list[str]:
    """Everything but the file that sweepers take turns by."""
    return sorted(path.name for path in parent.iterdir() if path.name != f"{PREFIX}{os.geteuid()}")


@pytest.mark.slow
def test_processes_that_start_and_end_together_do_not_trip_over_each_other(tmp_path: Path) -> None:
    processes = [start(BUSY, tmp_path) for _ in range(5)] + [start(KILLED, tmp_path) for _ in range(5)]
    ends = [(process.communicate()[1], process.returncode) for process in processes]

    sweep(tmp_path)

    assert ends == [("", 0)] * 5 + [("", -signal.SIGKILL)] * 5
    assert left(tmp_path) == []


def test_a_living_process_keeps_its_folder_until_it_removes_it(tmp_path: Path) -> None:
    first = OwnFolder(tmp_path)
    second = OwnFolder(tmp_path)

    assert first.path.is_dir()
    assert first.path != second.path
    first.remove()
    assert left(tmp_path) == [second.path.name, f"{second.path.name}{LOCK}"]
    second.remove()
    assert left(tmp_path) == []


def test_what_a_killed_process_left_goes_with_the_next_start(tmp_path: Path) -> None:
    start(KILLED, tmp_path).communicate()
    assert len(left(tmp_path)) == 2

    folder = OwnFolder(tmp_path)

    assert left(tmp_path) == [folder.path.name, f"{folder.path.name}{LOCK}"]
    folder.remove()


def test_a_folder_goes_although_a_process_of_its_name_lives(tmp_path: Path) -> None:
    """Numbers of processes are used again, and another container's mean nothing here: only the lock counts."""
    (tmp_path / f"{PREFIX}{os.getpid()}").mkdir()
    (tmp_path / f"{PREFIX}{os.getpid()}{LOCK}").touch()

    sweep(tmp_path)

    assert left(tmp_path) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere.lock").touch()
    (tmp_path / f"{PREFIX}link{LOCK}").symlink_to(tmp_path / "elsewhere.lock")

    sweep(tmp_path)

    assert left(tmp_path) == ["elsewhere", "elsewhere.lock", f"{PREFIX}link{LOCK}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_another_users_folder_stays(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}theirs").mkdir()
    (tmp_path / f"{PREFIX}theirs{LOCK}").touch()
    os.chown(tmp_path / f"{PREFIX}theirs{LOCK}", 65534, 65534)

    sweep(tmp_path)

    assert len(left(tmp_path)) == 2
