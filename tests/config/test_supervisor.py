import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.paths import PROJECT
from config.supervisor import ProcessGroupGuard, Program, Supervisor, members, restart_delay
from config.supervisor.supervise import TICK
from config.supervisor.watchdog import sessions_left

PATIENCE = 200
"""Seconds after which a test fails that would else hang."""

# Like an RQ worker: its child moves into a process group of its own, out of reach of killpg, and says its number.
WORKER = """
import os, signal, sys
if os.fork() == 0:
    os.setpgrp()
    open(sys.argv[1], "w").write(str(os.getpid()))
signal.pause()
"""
SUPERVISE = """
import sys
from config.supervisor import ProcessGroupGuard, Program, Supervisor
program = Program("worker", (sys.executable, "-S", "-c", sys.argv[1], sys.argv[2]))
with ProcessGroupGuard(grace=0.2) as guard:
    Supervisor([program], guard=guard, emit=print).run()
"""


@pytest.fixture
def guard() -> Iterator[ProcessGroupGuard]:
    with ProcessGroupGuard(grace=0.2) as guard:
        yield guard


def shell(name: str, script: str) -> Program:
    return Program(name, ("/bin/sh", "-c", script))


def lines_until(
    wanted: Callable[[list[str]], bool],
    programs: list[Program],
    guard: ProcessGroupGuard,
    beat: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> list[str]:
    """What the programs print under a supervisor that stops as soon as it is `wanted`."""
    lines: list[str] = []
    deadline = time.monotonic() + PATIENCE

    def emit(name: str, line: str) -> None:
        lines.append(f"{name}: {line}")
        if wanted(lines) or time.monotonic() > deadline:
            supervisor.stop()

    supervisor = Supervisor(programs, guard=guard, emit=emit, grace=2, beat=beat, clock=clock)
    supervisor.run()
    return lines


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def number_in(file: Path) -> int:
    wait_until(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def test_restart_delay_doubles_up_to_half_a_minute() -> None:
    assert [restart_delay(n) for n in (0, 1, 2, 3, 6, 7, 1000)] == [0, 0.5, 1, 2, 16, 30, 30]


@pytest.mark.slow
def test_child_that_ends_is_started_again(guard: ProcessGroupGuard) -> None:
    lines = lines_until(lambda lines: lines.count("job: here") == 2, [shell("job", "echo here; exit 3")], guard)

    assert lines[::2] == ["job: here", "job: here"]
    ended = r"job: \d{4}-\d\d-\d\d [\d:]{8},\d{3} WARNING supervisor process \d+ ended \(exit code 3\), starts again in 0\.5 s"
    assert re.fullmatch(ended, lines[1])


@pytest.mark.slow
def test_one_failing_child_leaves_the_others_alone(guard: ProcessGroupGuard) -> None:
    programs = [shell("bad", "exit 1"), shell("good", "echo one; sleep infinity")]

    lines = lines_until(lambda lines: sum(line.startswith("bad") for line in lines) >= 2, programs, guard)

    assert lines.count("good: one") == 1


def test_command_that_does_not_exist_is_reported_and_tried_again(guard: ProcessGroupGuard) -> None:
    lines = lines_until(lambda lines: len(lines) == 2, [Program("gone", ("/does/not/exist",))], guard)

    assert all("cannot start" in line for line in lines)


def test_last_line_without_line_end_is_not_lost(guard: ProcessGroupGuard) -> None:
    lines = lines_until(lambda lines: len(lines) >= 2, [shell("job", "printf 'no end'; exit 0")], guard)

    assert "job: no end" in lines


@pytest.mark.slow
def test_closed_output_does_not_keep_the_supervisor_busy(guard: ProcessGroupGuard) -> None:
    looks: list[float] = []

    def clock() -> float:
        looks.append(time.monotonic())
        return looks[-1]

    silent = shell("silent", "exec >&- 2>&-; sleep infinity")

    lines_until(lambda lines: True, [silent, shell("late", "sleep 1; echo done")], guard, clock=clock)

    rounds = (looks[-1] - looks[0]) / TICK
    assert rounds >= 4, "it ended before the output was closed"
    assert len(looks) <= 4 * (rounds + 5), "it looks at the clock less than four times a round"


def test_stop_signal_reaches_the_child_first_and_politely(guard: ProcessGroupGuard) -> None:
    polite = shell("job", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done")

    lines = lines_until(lambda lines: lines == ["job: ready"], [polite], guard)

    assert lines == ["job: ready", "job: bye"]


@pytest.mark.slow
def test_child_that_ignores_the_stop_signal_is_killed_after_the_grace(guard: ProcessGroupGuard) -> None:
    stubborn = shell("job", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    lines: list[str] = []

    def emit(name: str, line: str) -> None:
        lines.append(line)
        supervisor.stop()

    supervisor = Supervisor([stubborn], guard=guard, emit=emit, grace=0.3)
    supervisor.run()  # the job itself never ends

    assert lines == ["ready"]


@pytest.mark.slow
def test_second_stop_signal_does_not_wait_for_the_grace(guard: ProcessGroupGuard) -> None:
    slow = shell("job", "trap 'echo asked; sleep 5; echo still here' TERM; echo ready; while :; do sleep 0.05; done")
    lines: list[str] = []

    def emit(name: str, line: str) -> None:
        lines.append(line)
        supervisor.stop()

    supervisor = Supervisor([slow], guard=guard, emit=emit, grace=8)
    supervisor.run()

    assert lines == ["ready", "asked"]


def test_failure_after_a_long_healthy_time_counts_as_the_first(guard: ProcessGroupGuard) -> None:
    passed: list[float] = []
    lines: list[str] = []

    def emit(name: str, line: str) -> None:
        lines.append(line)
        if line == "up":
            passed.append(40.0)  # seconds that it seems to have run
        if len(lines) == 4:
            supervisor.stop()

    supervisor = Supervisor(
        [shell("job", "echo up; sleep 0.2")],
        guard=guard, emit=emit, clock=lambda: time.monotonic() + sum(passed),
    )  # fmt: skip
    supervisor.run()

    endings = [line.partition(" ended ")[2] for line in lines[1::2]]
    assert endings == ["(exit code 0), starts again in 0.5 s"] * 2


@pytest.mark.slow
def test_supervisor_replaces_a_watchdog_that_was_killed(guard: ProcessGroupGuard) -> None:
    killed = guard._watchdog
    deadline = time.monotonic() + 20

    def kill_and_wait() -> None:
        killed.kill()
        killed.wait()
        if guard._watchdog is not killed or time.monotonic() > deadline:
            supervisor.stop()

    supervisor = Supervisor([], guard=guard, emit=lambda name, line: None, beat=kill_and_wait)
    supervisor.run()

    assert guard._watchdog.poll() is None


@pytest.mark.slow
def test_grandchild_in_a_group_of_its_own_ends_with_its_worker(guard: ProcessGroupGuard, tmp_path: Path) -> None:
    file = tmp_path / "grandchild"
    worker = Program("worker", (sys.executable, "-S", "-c", WORKER, str(file)))
    seen: list[int] = []

    def kill_worker() -> None:
        if file.exists() and file.read_text() and not seen:
            seen.append(int(file.read_text()))
            os.kill(os.getsid(seen[0]), signal.SIGKILL)

    lines_until(lambda lines: "SIGKILL" in lines[-1], [worker], guard, beat=kill_worker)

    assert not runs(seen[0])


@pytest.mark.slow
def test_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    file = tmp_path / "grandchild"
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISE, WORKER, str(file)], cwd=PROJECT)
    grandchild = number_in(file)
    session = os.getsid(grandchild)
    assert members(session) == [session, grandchild]

    supervisor.kill()
    supervisor.wait()

    wait_until(lambda: not members(session))


@pytest.mark.slow
def test_killed_watchdog_is_replaced_and_still_holds(tmp_path: Path) -> None:
    guard = ProcessGroupGuard(grace=0)
    process = subprocess.Popen(["/bin/sleep", "infinity"], start_new_session=True)
    guard.hold(process.pid)

    guard._watchdog.kill()
    guard._watchdog.wait()
    guard.check()
    guard.close()

    assert process.wait(timeout=PATIENCE) == -signal.SIGKILL


def test_watchdog_overlooks_a_line_cut_off_by_the_death_of_its_writer() -> None:
    assert sessions_left(["+10\n", "+20\n", "-10\n", "+3"]) == {20}
