"""What one piece of work costs: CPU seconds of this process and of the database server, wall time, peak memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

_QUIET = 0.02
"""Share of one core below which the server counts as idle."""


@dataclass(frozen=True, slots=True)
class Cost:
    client: float
    server: float
    wall: float
    peak_mb: float
    records: int
    stored: int = 0
    parts: dict[str, float] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        """Microseconds a record."""
        return (self.client + self.server) / self.records * 1e6


def measure(work: Callable[[], object], records: int, server_pid: int) -> Cost:
    """Run `work`. What the server still does afterwards (purge, flushing) is waited for and counted, 3 s at most."""
    server = psutil.Process(server_pid) if server_pid else None
    _settle(server, 10)
    before, start, cpu = _cpu(server), time.perf_counter(), time.process_time()
    work()
    client, wall = time.process_time() - cpu, time.perf_counter() - start
    _settle(server, 3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(client, _cpu(server) - before, wall, peak, records)


def _cpu(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


def _settle(process: psutil.Process | None, longest: float) -> None:
    deadline = time.monotonic() + longest
    while process is not None and time.monotonic() < deadline:
        before = _cpu(process)
        time.sleep(0.5)
        if _cpu(process) - before < _QUIET * 0.5:
            return
