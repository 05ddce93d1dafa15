"""Real processes that die for real: forked from the test, killed with SIGKILL, mostly at a named point."""

from __future__ import annotations

import ast
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

from django.db import connections

from ingestion.running import Hooks

KILLED = -signal.SIGKILL


def in_child(work: Callable[[], object]) -> int:
    """Run `work` in a forked process with database connections of its own; its exit code, negative for a signal."""
    connections.close_all()
    others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    assert others == [], f"forking beside {others} copies locks that nobody will release: which test left them behind?"
    pid = os.fork()
    if pid == 0:
        _be_the_child(work)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def start_child(work: Callable[[], object]) -> int:
    """As `in_child`, without waiting: the process id, for `end`."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        _be_the_child(work)
    return pid


def end(pid: int) -> int:
    """Wait for a process of `start_child`."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _be_the_child(work: Callable[[], object]) -> None:
    code = 70
    try:
        work()
        connections.close_all()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def points_in(paths: Iterable[Path]) -> set[str]:
    """The names of the gaps between durable writes in these files: `at("claimed")`, whatever `at` is called on."""
    calls = (node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    named = (call.args[0] for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == "at")
    return {str(first.value) for first in named if isinstance(first, ast.Constant)}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingAt:
    """A seam that ends the process at the `nth` time `point` is passed."""

    def __init__(self, point: str, nth: int = 1, then: Callable[[], object] = die) -> None:
        self.point, self.left, self.then = point, nth, then

    def __call__(self, point: str) -> None:
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                self.then()

    @property
    def hooks(self) -> Hooks:
        return Hooks(at=self, sleep=lambda seconds: None)
