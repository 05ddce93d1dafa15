"""What the exit code of `manage.py ingest` means."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    """The work, or an attempt at it, failed or was refused; for `health`: something is overdue."""
    USAGE = 2
    """Asked wrongly: bad arguments, or a tenant, pipeline, connection, run or letter that is not there."""
    PARTIAL = 3
    """Done, but some records became dead letters; for `reconcile`: a breach."""
    WAITING = 4
    """Not done yet and no attempt failed: the run waits for its turn, or goes on elsewhere."""
