"""A destination in another database than the engine's: a refused row there undoes no batch here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connections, transaction

from ingestion import Ready, Record
from ingestion.core.destinations import RowRefused
from ingestion.loading.plans import Plan, compile_plan
from ingestion.models import Run
from tests.app.oracle import Entry
from tests.ingestion.runs import load, over, rows

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ELSEWHERE = "elsewhere"


@pytest.fixture
def plan() -> Iterator[Plan]:
    """Into the same tables over another connection, as a router would have it."""
    connections[ELSEWHERE] = connections["default"].copy(ELSEWHERE)
    try:
        own = compile_plan(Entry, ("external_id",), "", "default")
        yield dataclasses.replace(own, alias=ELSEWHERE)
    finally:
        connections[ELSEWHERE].close()
        del connections[ELSEWHERE]


def written(plan: Plan, run: Run) -> tuple[int, int]:
    """How many of a good row and a guilty one were written, and how many rejected, in a batch that is loaded again."""
    values = ((f"other_{number}", Decimal(amount)) for number, amount in enumerate((1, -1)))
    ready = [Ready(Record(name, b"{}"), {"external_id": name, "amount": amount}, b"") for name, amount in values]
    engine, rejected = (run.tenant_id, run.pk, datetime.now(UTC)), []  # type: ignore[var-annotated]
    batch = plan.adapt(ready, engine[2], rejected)
    with transaction.atomic():
        return len(plan.write(batch, engine, rejected, again=True)), len(rejected)


def test_only_the_engines_own_database_gives_a_batch_up_over_a_refused_row(plan: Plan) -> None:
    run = load(over([]))

    with pytest.raises(RowRefused):
        written(dataclasses.replace(plan, alias="default"), run)
    assert written(plan, run) == (1, 1)
    assert set(rows(run.tenant)) == {"other_0"}
