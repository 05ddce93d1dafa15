"""Letters that a run opens itself are known to it like those of earlier runs."""

from __future__ import annotations

from typing import Any

import pytest

from ingestion import Context, RecordError
from ingestion.models import DeadLetter, Run
from tests.app.oracle import Entry
from tests.ingestion.runs import dead_letters, item, load, new_tenant, over, rows

pytestmark = [pytest.mark.every_database, pytest.mark.django_db]


def after_its_parent(value: Any, ctx: Context) -> Entry:
    """Refuses every record but the first as long as that is not stored."""
    if value.id != "rec_0001" and not Entry.objects.for_tenant(ctx.tenant).filter(external_id="rec_0001").exists():
        raise RecordError("its parent is not here")
    return Entry(external_id=value.id, amount=value.amount)


def test_a_record_that_comes_again_later_in_its_run_and_is_fine_then_closes_its_letter() -> None:
    tenant = new_tenant()

    run = load(over([item(2), item(1), item(2)], page=1, transform=after_its_parent), tenant)

    assert rows(tenant) == {"rec_0001": "1.00", "rec_0002": "2.00"}
    assert [dead_letter.status for dead_letter in dead_letters(tenant)] == [DeadLetter.Status.REPLAYED]
    assert (run.state, run.dead) == (Run.State.PARTIAL, 1)
