"""The floor: rows that are ready already, `executemany` of the database's driver with 1,000 rows a statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from benchmarks.app.models import Invoice
from benchmarks.contestants import ground
from benchmarks.data import Corpus


def prepare(corpus: Corpus) -> ground.Work:
    owner, run = ground.connection().tenant_id, ground.run_id()
    full = [ground.with_engine_columns(row, owner, run) for page in ground.validated(corpus)() for row in page]
    plain = _for_sqlite if connection.vendor == "sqlite" else _for_mysql
    values = [tuple(plain(value) for value in row.values()) for row in full]
    sql = _upsert(list(full[0]))
    connection.ensure_connection()
    raw = connection.connection
    begin = "BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "START TRANSACTION"

    def work() -> int:
        cursor = raw.cursor()
        for start in range(0, len(values), ground.BATCH):
            cursor.execute(begin)
            cursor.executemany(sql, values[start : start + ground.BATCH])
            raw.commit()
        return Invoice.unscoped.count()

    return work


def _for_mysql(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _for_sqlite(value: Any) -> Any:
    return str(_for_mysql(value)) if isinstance(value, datetime | Decimal) else value


def _upsert(names: Sequence[str]) -> str:
    """The statement a program would write by hand for this table."""
    mark = "?" if connection.vendor == "sqlite" else "%s"
    into = f"INSERT INTO {Invoice._meta.db_table} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    updates = [name for name in names if name not in ("tenant_id", "external_id")]
    if connection.vendor == "sqlite":
        changes = ", ".join(f"{name} = excluded.{name}" for name in updates)
        return f"{into} ON CONFLICT (tenant_id, external_id) DO UPDATE SET {changes}"
    return f"{into} ON DUPLICATE KEY UPDATE " + ", ".join(f"{name} = VALUES({name})" for name in updates)
