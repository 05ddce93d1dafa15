"""Inserts many rows into one of the engine's own tables, at a third of the cost of `bulk_create` (measured)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import connections, models, router

from ingestion.database import statements
from ingestion.database.parameters import Column, column


def insert(
    model: type[models.Model],
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    key: tuple[str, ...] = (),
    updates: tuple[str, ...] = (),
) -> None:
    """Insert `rows` (field or column names to values); where the unique `key` exists, set `updates` instead.

    Raises the database's errors, and ColumnFault for a value that does not fit.
    """
    if rows:
        _compiled(model, key, updates, router.db_for_write(model)).write(rows, now)


@dataclass(frozen=True, slots=True)
class _Insert:
    alias: str
    columns: tuple[Column, ...]
    statement: statements.Statement

    def write(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
        with connections[self.alias].cursor() as cursor:
            self.statement.write(cursor, (), [column.adapt(rows, now) for column in self.columns])


@lru_cache(maxsize=64)
def _compiled(model: type[models.Model], key: tuple[str, ...], updates: tuple[str, ...], alias: str) -> _Insert:
    connection, meta = connections[alias], model._meta
    fields = [field for field in meta.concrete_fields if not isinstance(field, models.AutoField)]
    by_name = {name: str(field.column) for field in fields for name in (field.name, field.attname)}
    keys, changes = [by_name[name] for name in key], [by_name[name] for name in updates]
    into = statements.Target(meta.db_table, (), fields, keys, changes, version="")
    return _Insert(
        alias, tuple(column(field, connection) for field in fields), statements.compile_upsert(connection, into)
    )
