"""Only Sluicegate's last step: `Upsert.load` of rows that are validated already, 2,000 a transaction."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from benchmarks.app.models import Invoice
from benchmarks.contestants import ground
from benchmarks.data import PAGE_SIZE, Corpus
from ingestion import Context, Ready, Record, TenantRef, Upsert


def prepare(corpus: Corpus) -> ground.Work:
    owner = ground.connection()
    ctx = Context(TenantRef(owner.tenant_id, "acme"), "benchmark.invoices", ground.run_id(), datetime.now(UTC))
    ready = [
        Ready(Record(row["external_id"], b""), row, ground.with_engine_columns(row, 0, 0)["digest"])
        for page in ground.validated(corpus)()
        for row in page
    ]
    destination = Upsert(Invoice, key=["external_id"])

    def work() -> int:
        for start in range(0, len(ready), PAGE_SIZE):
            with transaction.atomic():
                destination.load(ctx, ready[start : start + PAGE_SIZE])
        return Invoice.unscoped.count()

    return work
