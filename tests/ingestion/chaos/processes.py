"""Real processes that die for real: forked from the test, killed with SIGKILL at a named point or before the Nth statement."""

from __future__ import annotations

import ast
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.db import connection, connections

from ingestion.running import Seams

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
    def seams(self) -> Seams:
        return Seams(at=self, sleep=lambda seconds: None)


class DyingAtStatement:
    """Ends the process before the `nth` statement that it sends to the database, COMMIT counted as one.

    `after_commit` ends it once the COMMIT was answered instead of before it is sent, or lets `then` do something else.
    """

    def __init__(self, nth: int, *, after_commit: bool = False, then: Callable[[], object] = die) -> None:
        self.left, self.after_commit, self.then = nth, after_commit, then
        self.seen = 0
        self._stack = ExitStack()

    def __enter__(self) -> DyingAtStatement:
        self._stack.enter_context(connection.execute_wrapper(self._execute))
        self._commit = connection._commit  # type: ignore[attr-defined]
        connection._commit = self._committing  # type: ignore[attr-defined]
        return self

    def __exit__(self, *raised: object) -> None:
        connection._commit = self._commit  # type: ignore[attr-defined]
        self._stack.close()

    def _execute(self, execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        if not self.after_commit:
            self._count()
        return execute(sql, params, many, context)

    def _committing(self) -> None:
        if not self.after_commit:
            self._count()
        self._commit()
        if self.after_commit:
            self._count()

    def _count(self) -> None:
        self.seen += 1
        self.left -= 1
        if self.left == 0:
            self.then()
