"""What a run takes while it runs, so that no other one can: its connection, or for a shard a lane of its backfill.

A shard does not take its connection's place, so that live runs go on beside it. Lanes are negative numbers in the same
unique column: how many shards run at a time is decided by the database, also when their workers die.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from ingestion.models import Run

MOST_LANES = 50
"""Lanes of a backfill: as many of its shards can ever run at a time."""


def rivals(run: Run) -> Q:
    """Runs that may hold what `run` could take."""
    if run.parent_id is None:
        return Q(active_key=run.connection_id)
    return Q(parent_id=run.parent_id, active_key__isnull=False)


def free(run: Run, held: Collection[int]) -> int | None:
    """The active key that the run may take, none of those `held`; None while its connection or every lane is busy."""
    if run.active_key is not None:
        return run.active_key  # left by a dead worker: the run has its place already
    if run.parent is None:
        return None if run.connection_id in held else run.connection_id
    lanes = {_lane(run.parent.pk, number) for number in range(parallel(run.parent.params))}
    return max(lanes.difference(held), default=None)


def parallel(params: dict[str, int]) -> int:
    """How many shards of a backfill with these parameters run at a time."""
    return max(1, min(int(params.get("parallel", 1)), MOST_LANES))


def _lane(parent_id: int, number: int) -> int:
    return -(parent_id * MOST_LANES + number)
