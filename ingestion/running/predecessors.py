"""Whom a run is taken from: for the timeline, and for the count of its dead."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ingestion.models import Run


@dataclass(frozen=True, slots=True)
class Predecessor:
    """Whom a run was taken from: a process that is gone, or that gave no sign of life for a lease."""

    host: str
    pid: int | None
    fence: int
    lives: bool
    """Whether it is a living process of this host: slow or stopped, then."""

    def __str__(self) -> str:
        what = "which is slow or was stopped" if self.lives else "which is gone"
        return f"process {self.pid} on {self.host} (claim {self.fence}), {what}"


def of(run: Run, here: str) -> Predecessor | None:
    """Whose claim of `run`, as it was before another one, has ended; None when it was queued. `here` is this host."""
    if run.state != Run.State.RUNNING:
        return None
    return Predecessor(run.host, run.worker_pid, run.fence, lives=is_alive(run, here))


def is_alive(run: Run, here: str) -> bool:
    """Whether the run's owner is another living process of this host, `here`: its lease ended because it is slow."""
    return _is_of(run, here) and _process_is_alive(run.worker_pid)


def is_dead(run: Run, here: str) -> bool:
    """Whether the run's owner was another process of this host, `here`, that has ended."""
    return _is_of(run, here) and not _process_is_alive(run.worker_pid)


def _is_of(run: Run, here: str) -> bool:
    return run.worker_pid not in (None, os.getpid()) and run.host == here


def _process_is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except (OSError, IndexError):  # a process of another user, or a system without /proc: it is alive
        return True
    return state not in ("Z", "X")
