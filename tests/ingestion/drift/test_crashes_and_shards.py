"""A shape is learned exactly once from each batch, whoever dies and whoever else is learning."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction

from ingestion.core import drift
from ingestion.core.shapes import shape_of
from ingestion.database.retrying import retry_conflicts
from ingestion.models import Connection, KnownShape, Run, Tenant
from ingestion.running.drift import PageShape, ShapeWatch, resolve_answer
from ingestion.testing import registered
from tests.ingestion.chaos.processes import KILLED, DyingAt, end, in_child, start_child
from tests.ingestion.drift.sources import batch, known, notes, run, watched
from tests.ingestion.received import connected, delivered_to, push, webhook_runs
from tests.ingestion.runs import body, carry, finish, new_tenant, queued, rows, watermarks

pytestmark = [
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]


@pytest.mark.slow
@pytest.mark.parametrize("point", ["prepared", "before commit", "committed", "before close"])
def test_a_killed_run_learns_each_page_once(point: str) -> None:
    tenant = new_tenant()
    with registered(watched(batch(1, 60), page=30)) as pipeline:
        first = queued(pipeline, tenant)

        died = in_child(lambda: carry(first, DyingAt(point).hooks))
        finish(first)

    assert (died, first.state, len(rows(tenant))) == (KILLED, Run.State.SUCCEEDED, 60)
    assert drift.from_json(known(tenant).shape).records == 40  # of each page a sample of 20, once
    assert notes(first) == []


@pytest.mark.slow
def test_a_run_killed_between_keeping_the_diff_and_failing_finds_it_again() -> None:
    tenant = new_tenant()
    first = run(batch(1, extra=1), tenant)
    with registered(watched(batch(101))) as pipeline:
        second = queued(pipeline, tenant)
        in_child(lambda: carry(second, DyingAt("prepared").hooks))

        finish(second)

    assert (second.error_class, known(tenant).pending_run_id) == ("SchemaDrift", second.pk)
    assert len(watermarks(first.connection)) == 1


@pytest.mark.slow
def test_two_that_learn_at_once_lose_nothing() -> None:
    tenant = new_tenant()
    with registered(watched([])) as pipeline:
        one = queued(pipeline, tenant)

    children = [start_child(lambda name=name: learn(one, name)) for name in ("left", "right")]

    assert [end(child) for child in children] == [0, 0]
    shape = drift.from_json(known(tenant).shape)
    assert (shape.records, sorted(shape.fields)) == (36, ["id", "left", "right"])
    assert (shape.fields["left"].present, shape.fields["left"].of) == (18, 36)


def learn(run: Run, name: str) -> None:
    """Nine batches of two records, each in its transaction, as two shards would: with ten, what the other one brings
    after them all would count from there on.
    """
    seen = PageShape(shape_of([body({"id": 1, name: 1})] * 2), frozenset())
    watching = ShapeWatch(run, resolve_answer(watched([]), None))  # type: ignore[arg-type]  # a source that asks for no context
    for _ in range(9):

        def commit() -> None:
            with transaction.atomic():
                watching.learn(seen, datetime.now(UTC))

        retry_conflicts(commit)


@pytest.mark.slow
def test_deliveries_note_drift_keep_the_diff_and_are_loaded() -> None:
    tenant = new_tenant()
    with registered(delivered_to(drift="stop")) as pipeline:
        connection = connected(pipeline, tenant)
        taken_in(connection, tenant, "d1", batch(1, extra=1))
        second = taken_in(connection, tenant, "d2", batch(101, extra="x"))
        third = taken_in(connection, tenant, "d3", batch(201, extra="x"))

    assert (second.state, third.state, len(rows(tenant))) == (Run.State.SUCCEEDED, Run.State.SUCCEEDED, 90)
    assert notes(second) == [("drift", "extra has another type: number, now string")]
    assert notes(third) == []
    assert KnownShape.objects.for_tenant(tenant).get().pending_run_id == second.pk


def taken_in(connection: Connection, tenant: Tenant, name: str, records: list[dict[str, object]]) -> Run:
    push(connection, name, *records)
    return carry(webhook_runs(connection, Run.State.QUEUED)[-1])
