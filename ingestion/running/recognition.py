"""Closes the dead letters of rejected records that the destination has stored from another version."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion.core.destinations import Recognizes
from ingestion.core.records import Rejected
from ingestion.dead_letters import recovery
from ingestion.running.execution import Execution


def close_recognized(execution: Execution, rejected: Sequence[Rejected]) -> list[str]:
    """Close dead letters of records that another version has stored; return a note when there are any."""
    destination = execution.pipeline.destination
    if not rejected or not isinstance(destination, Recognizes):
        return []
    stored = destination.recognized(execution.ctx, rejected)
    recovery.close_recognized(execution.run, stored)
    if not stored:
        return []
    return [f"{len(stored)} of the rejected records arrived already, in a version that could be read: {stored[0][1]}"]
