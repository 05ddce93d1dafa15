"""What a run takes while it runs, so that no other one can: its connection, or for a shard a lane of its backfill.

A shard does not take its connection's place, so that live runs go on beside it. Lanes are negative numbers in the same
unique column: how many shards run at a time is decided by the database, also when their workers die.
"""

from __future__ import annotations

from ingestion.models import Run

MOST_LANES = 50
"""Lanes of a backfill: as many of its shards can ever run at a time."""


def free(run_id: int) -> int | None:
    """The active key that the run may take; None while its connection is busy, or no lane of its backfill is free."""
    found = Run.unscoped.filter(pk=run_id).values_list("connection_id", "parent_id", "active_key", "parent__params")
    row: tuple[int, int | None, int | None, dict[str, int]] | None = found.first()
    if row is None:
        return None
    connection_id, parent_id, held, params = row
    if held is not None:
        return held  # left by a dead worker: the run has its place already
    if parent_id is None:
        return None if Run.unscoped.filter(active_key=connection_id).exists() else connection_id
    lanes = {_lane(parent_id, number) for number in range(parallel(params))}
    taken = Run.unscoped.filter(parent_id=parent_id, active_key__isnull=False).values_list("active_key", flat=True)
    return max(lanes - {key for key in taken if key is not None}, default=None)


def parallel(params: dict[str, int]) -> int:
    """How many shards of a backfill with these parameters run at a time."""
    return max(1, min(int(params.get("parallel", 1)), MOST_LANES))


def _lane(parent_id: int, number: int) -> int:
    return -(parent_id * MOST_LANES + number)
