"""Django's own bulk upsert of rows that are validated already: `bulk_create(update_conflicts=True)`, 1,000 at a time."""

from __future__ import annotations

from typing import Any

from django.db import connection

from benchmarks.app.models import Invoice
from benchmarks.contestants import ground
from benchmarks.data import Corpus


def prepare(corpus: Corpus) -> ground.Work:
    owner, run = ground.connection().tenant_id, ground.run_id()
    rows = [ground.with_engine_columns(row, owner, run) for page in ground.validated(corpus)() for row in page]
    updates = [name.removesuffix("_id") if name == "run_id" else name for name in rows[0] if name not in _KEY]
    options: dict[str, Any] = {"update_conflicts": True, "update_fields": updates, "batch_size": ground.BATCH}
    if connection.vendor != "mysql":  # MySQL goes by whichever unique key is hit
        options["unique_fields"] = ["tenant", "external_id"]

    def work() -> int:
        for start in range(0, len(rows), ground.BATCH):
            Invoice.unscoped.bulk_create([Invoice(**row) for row in rows[start : start + ground.BATCH]], **options)
        return Invoice.unscoped.count()

    return work


_KEY = ("tenant_id", "external_id")
