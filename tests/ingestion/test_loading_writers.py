"""Several processes writing at once: no deadlock among writers of the same rows, no locked database."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from ingestion import Context, Page, Ready, Record, TenantRef, Upsert
from ingestion.core import stages
from ingestion.models import Run
from ingestion.testing import registered
from tests.app.oracle import Entry
from tests.ingestion.chaos.processes import end, start_child
from tests.ingestion.runs import body, carry, counts, effects, item, items, new_tenant, over, queued

pytestmark = [
    pytest.mark.slow,
    pytest.mark.every_database,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("committed"),
]

UPSERT = Upsert(Entry, key=["external_id"], version="revision")


def write_batches(run_id: int, tenant: TenantRef, seed: int, batches: int, log: Path) -> None:
    """Upsert the same 60 keys again and again, each time shuffled, as the stages hand them over."""
    draw = random.Random(seed)
    pipeline = over([], destination=UPSERT)
    ctx = Context(tenant, pipeline.name, run_id, now=Run.unscoped.get(pk=run_id).created_at)
    failures: Counter[str] = Counter()
    for number in range(batches):
        given = [item(n, revision=number, label=f"{seed}.{number}") for n in draw.sample(range(1, 81), 60)]
        page = Page([Record(one["id"], body(one)) for one in given], None)
        prepared = stages.prepare(pipeline, ctx, page, lambda keys: {})
        try:
            with transaction.atomic():
                loaded = UPSERT.load(ctx, prepared.ready)
            assert not loaded.rejected
        except DatabaseError as error:
            failures[str(error)] += 1
    log.write_text(repr(dict(failures)))


def test_three_writers_of_the_same_keys_never_deadlock(tmp_path: Path) -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline, tenant)

    children = [start_child(lambda n=n: write_batches(run.pk, tenant.ref, n, 100, tmp_path / f"{n}")) for n in range(3)]
    codes = [end(child) for child in children]

    assert codes == [0, 0, 0]
    assert [(tmp_path / f"{n}").read_text() for n in range(3)] == ["{}"] * 3
    assert Entry.objects.for_tenant(tenant).count() == 80
    assert min(Entry.objects.for_tenant(tenant).values_list("revision", flat=True)) > 90


def test_the_rows_of_a_page_are_handed_over_in_the_order_of_their_keys() -> None:
    seen: list[list[str]] = []

    class Watching(Upsert):
        def load(self, ctx: Context, rows: Any) -> Any:
            seen.append([one.row.external_id for one in rows])
            return super().load(ctx, rows)

        def insert(self, ctx: Context, rows: Any) -> Any:
            seen.append([one.row.external_id for one in rows])
            return super().insert(ctx, rows)

    shuffled = random.Random(1).sample(items(50), 50)
    with registered(over(shuffled, destination=Watching(Entry, key=["external_id"]))) as pipeline:
        carry(queued(pipeline))

    assert seen == [sorted(seen[0])]


def test_four_workers_of_different_tenants_commit_six_hundred_batches_without_a_lock_error() -> None:
    with registered(over(items(450), page=3)) as pipeline:
        runs = [queued(pipeline, new_tenant()) for _ in range(4)]

        codes = [end(child) for child in [start_child(lambda run=run: carry(run)) for run in runs]]

    assert codes == [0] * 4
    for run in runs:
        run.refresh_from_db()
        assert (run.state, run.attempts, run.batches, counts(run)) == ("succeeded", 0, 150, (450, 450, 0, 0))
        assert len(effects(run)) == 450


def test_an_interrupted_statement_leaves_the_savepoint_usable_for_the_rest() -> None:
    tenant = new_tenant()
    with registered(over(items(1))) as pipeline:
        run = queued(pipeline, tenant)
    ctx = Context(tenant.ref, "app.oracle", run.pk, now=run.created_at)
    ready = [
        Ready(Record(f"k{n}", b""), Entry(external_id=f"k{n}", amount=Decimal(-1 if n == 3 else 1)), b"d" * 16)
        for n in range(8)
    ]

    with transaction.atomic():
        loaded = UPSERT.load(ctx, ready)
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM app_entry WHERE tenant_id = %s", [tenant.pk])
            inside = cursor.fetchone()[0]

    assert inside == len(loaded.ready) == Entry.objects.for_tenant(tenant).count() == 7
    assert [one.record.key for one in loaded.rejected] == ["k3"]
