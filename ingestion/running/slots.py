"""The active key of a run: its connection, or for a shard a slot of its backfill. No two running runs share a key.

The key stands in the run's unique column `active_key`. A shard does not take its connection's key, so
that live runs go on beside it; its backfill's slots have negative keys. The database decides how many shards run at a
time, also when their workers die.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from ingestion.models import Run

MOST_SHARD_SLOTS = 50
"""Slots of a backfill: never more of its shards run at a time."""


def competing(run: Run) -> Q:
    """Runs that may have a key that `run` could take."""
    if run.parent_id is None:
        return Q(active_key=run.connection_id)
    return Q(parent_id=run.parent_id, active_key__isnull=False)


def free_key(run: Run, taken_keys: Collection[int]) -> int | None:
    """The active key that the run may take, none of `taken_keys`; None while its connection or every slot is busy."""
    if run.active_key is not None:
        return run.active_key  # a dead worker left the key in the row
    if run.parent is None:
        return None if run.connection_id in taken_keys else run.connection_id
    keys = {_shard_key(run.parent.pk, number) for number in range(parallel(run.parent.params))}
    return max(keys.difference(taken_keys), default=None)


def parallel(params: dict[str, int]) -> int:
    """How many shards of a backfill with these parameters run at a time."""
    return max(1, min(int(params.get("parallel", 1)), MOST_SHARD_SLOTS))


def _shard_key(parent_id: int, number: int) -> int:
    return -(parent_id * MOST_SHARD_SLOTS + number)
