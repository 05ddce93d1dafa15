"""One running program."""

import os
import subprocess
from pathlib import Path

from config.supervisor.process_group_guard import ProcessGroupGuard
from config.supervisor.program import Program
from config.supervisor.sessions import end_session

LONGEST_LINE = 64 * 1024


class Child:
    """One running program, leader of its own session, with its output in lines."""

    def __init__(self, program: Program, guard: ProcessGroupGuard, folder: Path, started: float) -> None:
        self.program = program
        self.started = started
        self.silent = False  # closed its output; may well go on working
        self._guard = guard
        self._partial_line = b""
        self._process = subprocess.Popen(
            program.command,
            cwd=folder,
            env={**os.environ, **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        guard.hold(self.pid)
        os.set_blocking(self.output, False)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def output(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def exit_code(self) -> int | None:
        """None while it runs; -N when signal N ended it."""
        return self._process.poll()

    def read_lines(self) -> list[str]:
        """The whole lines that have come since the last call; the rest waits for its line end."""
        try:
            while chunk := os.read(self.output, 65536):
                self._partial_line += chunk
            self.silent = True
        except BlockingIOError:
            pass
        *lines, self._partial_line = self._partial_line.split(b"\n")
        if len(self._partial_line) > LONGEST_LINE:
            lines, self._partial_line = [*lines, self._partial_line], b""
        return [line.decode("utf-8", "replace").rstrip("\r") for line in lines]

    def ask_to_stop(self) -> None:
        self._process.terminate()

    def finish(self, grace: float = 0.0) -> list[str]:
        """End what is left of its session and give its last lines."""
        end_session(self.pid, grace)
        self._process.wait()
        lines = self.read_lines()
        if self._partial_line:
            lines.append(self._partial_line.decode("utf-8", "replace"))
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._guard.release(self.pid)
        return lines
