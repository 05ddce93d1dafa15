"""Processes by their session.

A session, not a process group: RQ's work horse moves into a group of its own, so killing its worker's group leaves it
running, while the session (setsid(2)) follows it everywhere.
"""

import os
import signal
import sys
import time
from pathlib import Path

LONGEST_KILL = 2.0
LINUX = sys.platform.startswith("linux")


def members(session: int) -> list[int]:
    """The living processes of a session, the leader first. Without /proc: the leader, while its group lives."""
    if not LINUX:
        return [session] if _group_lives(session) else []
    processes = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    pids = [int(entry.name) for entry in processes if _session_of(entry) == session]
    return sorted(pids, key=lambda pid: (pid != session, pid))


def signal_session(session: int, number: signal.Signals) -> None:
    for pid in members(session):
        try:
            if LINUX:
                os.kill(pid, number)
            else:
                os.killpg(pid, number)
        except ProcessLookupError:
            continue


def end_session(session: int, grace: float) -> None:
    """Ask the leader to stop, wait up to `grace` seconds for all of the session, then kill what is left."""
    if grace > 0:
        try:
            os.kill(session, signal.SIGTERM)
        except ProcessLookupError:
            grace = 0  # a leader that is gone can tell nobody to stop
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and members(session):
        time.sleep(0.05)
    # More than once, because a process can have forked while the list was read. Bounded, because one that hangs in
    # the kernel cannot be killed.
    deadline = time.monotonic() + LONGEST_KILL
    while members(session) and time.monotonic() < deadline:
        signal_session(session, signal.SIGKILL)
        time.sleep(0.01)


def _session_of(entry: Path) -> int | None:
    """Field 6 of /proc/PID/stat (proc(5)); None for a zombie, which has ended, and for a process that is gone."""
    try:
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, _parent, _group, session = stat.rpartition(")")[2].split()[:4]
    return None if state in "ZX" else int(session)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
