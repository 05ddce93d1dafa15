"""The supervisor's loop: start, watch, start again, end."""

import selectors
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from config.paths import PROJECT
from config.supervisor.child import Child
from config.supervisor.process_group_guard import ProcessGroupGuard
from config.supervisor.program import STEADY_AFTER, Program, restart_delay
from config.terminal import stamped

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
BEAT = 1.0
TICK = 0.2


class Supervisor:
    """Runs programs until it is told to stop; starts again what ends, ever more slowly while it keeps failing.

    `emit(name, line)` gets every line of output. `beat` is called about once a second, for health checks. A first
    signal stops politely within `grace` seconds, a second one at once.
    """

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        guard: ProcessGroupGuard,
        emit: Callable[[str, str], None],
        beat: Callable[[], object] = lambda: None,
        grace: float = 10.0,
        folder: Path = PROJECT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._guard = guard
        self._emit = emit
        self._beat = beat
        self._grace = grace
        self._folder = folder
        self._clock = clock
        self._children: list[Child] = []
        self._due = [(clock(), program) for program in programs]
        self._failures = {program.name: 0 for program in programs}
        self._stops = 0
        self._next_beat = clock() + BEAT

    def run(self) -> None:
        """Returns after a stop signal, with no child left. The signals' earlier handlers are put back."""
        before = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        try:
            while not self._stops:
                self._start_due()
                self._listen()
                self._notice_exits()
                self._check_health()
            self._stop_all()
        finally:
            for child in self._children:
                child.finish()
            for number, handler in before.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        self._stops += 1

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop()

    def _start_due(self) -> None:
        now = self._clock()
        due = [program for at, program in self._due if at <= now]
        self._due = [(at, program) for at, program in self._due if at > now]
        for program in due:
            try:
                self._children.append(Child(program, self._guard, self._folder, now))
            except OSError as error:
                self._say(program.name, f"ERROR supervisor cannot start: {error}")
                self._plan_restart(program)

    def _listen(self) -> None:
        """Hand on output for up to one tick."""
        with selectors.DefaultSelector() as selector:
            for child in self._children:
                if child.silent:
                    continue
                selector.register(child.output, selectors.EVENT_READ, child)
            for key, _events in selector.select(TICK):
                self._pass_on(key.data, key.data.read_lines())

    def _notice_exits(self) -> None:
        for child in [child for child in self._children if child.exit_code() is not None]:
            self._children.remove(child)
            self._pass_on(child, child.finish())
            if self._stops:
                continue
            if self._clock() - child.started >= STEADY_AFTER:
                self._failures[child.program.name] = 0
            delay = self._plan_restart(child.program)
            how = _ending(child.exit_code())
            text = f"WARNING supervisor process {child.pid} ended ({how}), starts again in {delay:g} s"
            self._say(child.program.name, text)

    def _plan_restart(self, program: Program) -> float:
        self._failures[program.name] += 1
        delay = restart_delay(self._failures[program.name])
        self._due.append((self._clock() + delay, program))
        return delay

    def _check_health(self) -> None:
        if self._clock() >= self._next_beat:
            self._guard.check()
            self._beat()
            self._next_beat = self._clock() + BEAT

    def _stop_all(self) -> None:
        for child in self._children:
            child.ask_to_stop()
        deadline = self._clock() + self._grace
        while self._children and self._clock() < deadline and self._stops < 2:
            self._listen()
            self._notice_exits()

    def _say(self, name: str, text: str) -> None:
        """A line of our own, which nobody gives the time that the programs' own lines have."""
        self._emit(name, stamped(text))

    def _pass_on(self, child: Child, lines: list[str]) -> None:
        for line in lines:
            self._emit(child.program.name, line)


def _ending(code: int | None) -> str:
    return f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
