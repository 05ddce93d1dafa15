"""The shards of a backfill: which ones are next, how far they are, and how the last to end closes the parent.

The parent is never executed: it is running from the start, without a lease, until its shards have ended.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from ingestion import dispatch, events
from ingestion.core.errors import ShardsFailed
from ingestion.core.text import counted
from ingestion.models import Run
from ingestion.running import reasons
from ingestion.running.claims import claimable
from ingestion.running.slots import parallel
from ingestion.signals import run_finished


def next_shards(parent: Run) -> list[Run]:
    """The queued shards for which slots are free, oldest part of the window first."""
    free_slots = parallel(parent.params) - parent.shards.filter(state=Run.State.RUNNING).count()
    free = min(free_slots, dispatch.room_for_shards(parent.tenant)) if free_slots > 0 else 0
    waiting = Run.unscoped.filter(claimable(), parent=parent, state=Run.State.QUEUED)
    return list(waiting.select_related("tenant").order_by("pk")[: max(0, free)])


def close_if_done(parent_id: int) -> bool:
    """Close the backfill when none of its shards is left to run; whether this call closed it.

    Called after each shard's end was committed, and again by the tick: of two shards that end at the same moment the
    later commit sees both, and the conditional UPDATE lets one of them close the backfill.
    """
    with transaction.atomic():
        parent = Run.unscoped.select_for_update().filter(pk=parent_id, state=Run.State.RUNNING).first()
        if parent is None or parent.shards.filter(state__in=Run.ACTIVE).exists():
            return False
        states, counts = progress(parent), totals(parent)
        parts = parent.shards.order_by("pk").values_list("skip_reasons", "left_out", "proofs")
        state, error = _end_state(states)
        closed = Run.unscoped.filter(pk=parent_id, state=Run.State.RUNNING).update(
            state=state,
            finished_at=timezone.now(),
            error_class=type(error).__name__ if error else "",
            error_message=str(error) if error else "",
            **counts,
            **reasons.merge(parts),
        )
        if not closed:
            return False
        ended = ", ".join(f"{count} {name}" for name, count in sorted(states.items()))
        events.record(parent, str(state), f"shards: {ended}", **counts)
        transaction.on_commit(lambda: _announce(parent_id), robust=True)
    return True


def progress(parent: Run) -> Counter[str]:
    """How many shards are in which state."""
    states = parent.shards.order_by().values_list("state").annotate(count=Count("pk"))
    return Counter(dict(states))


def totals(parent: Run) -> dict[str, int]:
    """The counts of all shards so far, added up."""
    names = ("read", "ok", "skipped", "dead", "batches")
    sums: dict[str, Any] = parent.shards.aggregate(**{f"sum_{name}": Sum(name) for name in names})
    return {name: int(sums[f"sum_{name}"] or 0) for name in names}


def _end_state(states: Counter[str]) -> tuple[Run.State, ShardsFailed | None]:
    if states[Run.State.CANCELLED]:
        return Run.State.CANCELLED, None
    if failed := states[Run.State.FAILED]:
        summary = f"{failed} of {counted(states.total(), 'shard')} failed."
        return Run.State.FAILED, ShardsFailed(
            f"{summary} Look at them, then retry this backfill: it repeats only those."
        )
    return (Run.State.PARTIAL if states[Run.State.PARTIAL] else Run.State.SUCCEEDED), None


def _announce(parent_id: int) -> None:
    run_finished.send_robust(Run, run=Run.unscoped.select_related("tenant", "connection").get(pk=parent_id))
