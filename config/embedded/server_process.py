"""Owning, adopting and ending the embedded Valkey."""

import fcntl
import subprocess
import time
from pathlib import Path
from typing import IO, Self

from config.embedded.server import server_command, server_pid
from config.paths import private_dir
from config.supervisor import ProcessGroupGuard, end_session, restart_delay

START_TIMEOUT = 10.0
MISSES_BEFORE_RESTART = 3


class EmbeddedValkey:
    """Keeps a server answering at `socket` while this process lives.

    One process owns it, by a file lock that the kernel drops with the process; others that find it answering only
    use it. A server whose owner was killed is adopted. The guard ends it when its owner is killed.
    """

    def __init__(self, socket: Path, guard: ProcessGroupGuard) -> None:
        self.socket = socket
        self._guard = guard
        self._ownership: IO[bytes] | None = None
        self._pid: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._misses = 0
        self._failures = 0
        self._not_before = 0.0

    def ensure(self) -> None:
        """Make it answer if that is ours to do. Called at the start and then once a second; raises nothing."""
        answered = server_pid(self.socket)
        if answered is not None:
            self._misses = self._failures = 0
            if self._pid is None and self._take_ownership():
                self._take(answered)
            return
        self._misses += 1
        running = self._process is not None and self._process.poll() is None
        if running and self._misses < MISSES_BEFORE_RESTART:
            return  # busy, perhaps
        if time.monotonic() >= self._not_before and self._take_ownership():
            self._start()

    def wait(self, timeout: float = START_TIMEOUT) -> bool:
        """Whether it answers within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while server_pid(self.socket) is None:
            if time.monotonic() > deadline:
                return False
            self.ensure()
            time.sleep(0.05)
        self.ensure()
        return True

    def stop(self) -> None:
        """End the server if it is ours; leave it to its owner otherwise."""
        self._end()
        if self._ownership is not None:
            self.socket.unlink(missing_ok=True)
            self._ownership.close()
            self._ownership = None

    def __enter__(self) -> Self:
        if not self.wait():
            self.stop()
            raise RuntimeError(
                f"The embedded Valkey does not answer at {self.socket}. Free memory or disk, remove that file and "
                "try again, or set REDIS_URL to a server of your own."
            )
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def _take_ownership(self) -> bool:
        if self._ownership is not None:
            return True
        private_dir(self.socket.parent)
        file = self.socket.with_suffix(".lock").open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._ownership = file
        return True

    def _start(self) -> None:
        self._end()
        self._failures += 1
        self._not_before = time.monotonic() + restart_delay(self._failures)
        self._process = subprocess.Popen(
            server_command(self.socket), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self._take(self._process.pid)
        self._misses = 0

    def _take(self, pid: int) -> None:
        self._pid = pid
        self._guard.hold(pid)

    def _end(self) -> None:
        if self._pid is None:
            return
        # Nothing to save, so no grace; and a server that hangs would not hear a polite word.
        end_session(self._pid, grace=0)
        if self._process is not None:
            self._process.wait()
        self._guard.release(self._pid)
        self._pid = self._process = None
