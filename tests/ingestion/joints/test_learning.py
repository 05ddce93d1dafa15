"""What a connection's first run learns is all of what it meets, in however many executions and shards it does."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import ErrorBudget
from ingestion.models import Run
from ingestion.testing import Records, registered
from tests.ingestion.backfills.days import START, backfill, carry_all, connected
from tests.ingestion.drift.sources import batch, known, notes, run, watched
from tests.ingestion.halting import Halting
from tests.ingestion.runs import carry, finish, new_tenant, queued, replayed

pytestmark = [pytest.mark.every_database, pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("committed")]


def on_day(number: int, start: int, **values: Any) -> list[dict[str, Any]]:
    """Thirty records of one day."""
    return batch(start, at=START.replace(day=number, hour=12).isoformat(), **values)


@pytest.mark.slow
def test_a_first_run_that_was_interrupted_goes_on_learning() -> None:
    tenant, records = new_tenant(), [*batch(1, extra=1), *batch(101)]
    with registered(watched([], source=Halting(records, page_size=30))) as pipeline:
        first = finish(carry(queued(pipeline, tenant)))

    assert (first.state, first.fence, notes(first)) == (Run.State.SUCCEEDED, 2, [])


@pytest.mark.slow
def test_the_shards_of_a_first_backfill_learn_together() -> None:
    records = [*on_day(1, 1, extra=1), *on_day(2, 101)]
    with registered(watched([], source=Records(records, page_size=30, time="at"))) as pipeline:
        connection = connected(pipeline)

        parent = carry_all(backfill(connection, days=2))

    assert (parent.state, parent.ok) == (Run.State.SUCCEEDED, 60)


@pytest.mark.slow
def test_a_change_waits_since_it_was_first_met_however_it_changes_further() -> None:
    tenant = new_tenant()
    run(batch(1, extra=1, other=1), tenant)
    run(batch(101, other=1), tenant)
    first = known(tenant)

    run(batch(201), tenant)

    second = known(tenant)
    assert [change["path"] for change in second.pending_changes] == ["extra", "other"]
    assert second.pending_since == first.pending_since


@pytest.mark.slow
def test_a_replay_of_several_pages_tells_the_same_change_once() -> None:
    tenant, lenient = new_tenant(), ErrorBudget(1.0)
    run(batch(1, extra=1), tenant)
    old = [{**record, "amount": "many"} for record in batch(101, 510, extra="x")]
    run(old, tenant, "ignore", error_budget=lenient)

    replay = replayed(tenant, watched([], error_budget=lenient), limit=len(old))

    assert replay.batches == 2
    assert notes(replay) == [("drift", "extra has another type: number, now string")]
