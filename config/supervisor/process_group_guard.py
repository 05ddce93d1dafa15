"""No process outlives its supervisor, however that one ends."""

import contextlib
import subprocess
import sys
from typing import Self

from config.paths import PROJECT


class ProcessGroupGuard:
    """Holds sessions so that they end when this process ends, be it by kill -9.

    The work is done by a watchdog process at the other end of a pipe; one that was killed itself is replaced.
    """

    def __init__(self, grace: float = 10.0) -> None:
        self._grace = grace
        self._sessions: set[int] = set()
        self._watchdog = self._start()

    def hold(self, session: int) -> None:
        self._sessions.add(session)
        self._tell(f"+{session}\n")

    def release(self, session: int) -> None:
        self._sessions.discard(session)
        self._tell(f"-{session}\n")

    def check(self) -> None:
        """Replace a watchdog that died."""
        if self._watchdog.poll() is not None:
            self._close_pipe()
            self._watchdog = self._start()
            for session in self._sessions:
                self._tell(f"+{session}\n")

    def close(self) -> None:
        """End every session still held, and wait for it."""
        self._close_pipe()
        self._watchdog.wait()
        self._sessions.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _start(self) -> subprocess.Popen[bytes]:
        # -S: it needs no installed package, and starts in a third of the time.
        command = [sys.executable, "-S", "-m", "config.supervisor.watchdog", str(self._grace)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=PROJECT, start_new_session=True)

    def _tell(self, line: str) -> None:
        assert self._watchdog.stdin is not None
        try:
            self._watchdog.stdin.write(line.encode())
            self._watchdog.stdin.flush()
        except BrokenPipeError:
            self.check()

    def _close_pipe(self) -> None:
        assert self._watchdog.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.close()
