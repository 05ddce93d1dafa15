"""The floor: rows that are ready already, `executemany` of the database's driver with 1,000 rows a statement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from django.db import connection

from benchmarks.app.models import Invoice
from benchmarks.contestants import ground


def prepare(folder: Path, changed: bool) -> Callable[[], int]:
    owner = (ground.connection().tenant_id, ground.run_id())
    rows = [row for page in ground.validated(folder) for row in page]
    values = ground.stored_values(rows, owner)
    if connection.vendor == "sqlite":
        values = [
            tuple(str(v) if hasattr(v, "as_tuple") or hasattr(v, "isoformat") else v for v in row) for row in values
        ]
    sql = ground.upsert_sql(connection.vendor)
    connection.ensure_connection()
    raw = connection.connection
    if connection.vendor == "mysql":
        raw.autocommit(False)

    def work() -> int:
        cursor = raw.cursor()
        for start in range(0, len(values), ground.BATCH):
            if connection.vendor == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany(sql, values[start : start + ground.BATCH])
            raw.commit()
        return Invoice.unscoped.count()

    return work
