"""Turns one column of many rows into parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.database.converters import Adapter, adapter
from ingestion.database.unfit import ColumnFault
from ingestion.database.vectorised import Vectorised, vectorised

_DEFERRED = (
    "The row was fetched without this field (only() or defer()), and loading it would put the default over what is "
    "stored. Fetch the whole row, or return a new one."
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column that rows provide."""

    name: str
    attname: str
    convert: Adapter
    convert_column: Vectorised | None
    null: bool
    default: Callable[[datetime], Any] | None
    stamped: bool
    """Set by Django at saving (auto_now, auto_now_add)."""

    def adapt(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Any]:
        """The column's parameter for each row. Raises one of CONVERSION_ERRORS for the first that does not fit."""
        values = self._values(rows, now)
        if self.stamped:
            values = [self._default(now) if value is None else value for value in values]
        present = [value for value in values if value is not None]
        if len(present) < len(values) and not self.null:
            raise ColumnFault("null", "A value is required here.")
        adapted = self.convert_column(present) if self.convert_column and present else None
        if adapted is None:
            adapted = list(map(self.convert, present))
        if len(present) == len(values):
            return adapted
        following = iter(adapted)
        return [None if value is None else next(following) for value in values]

    def _values(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> list[Any]:
        # Rows mostly have the same names, so the first row's name is tried on all before each row is searched.
        name = self.attname if rows and self.name not in rows[0] else self.name
        try:
            return [row[name] for row in rows]
        except KeyError:
            return [self._value_of(row, now) for row in rows]

    def _value_of(self, row: Mapping[str, Any], now: datetime) -> Any:
        if self.name in row:
            return row[self.name]
        if self.attname in row:
            return row[self.attname]
        if "_state" in row:  # a model instance, which lacks only fields that its query deferred
            raise ColumnFault("deferred", _DEFERRED)
        return self._default(now)

    def _default(self, now: datetime) -> Any:
        return None if self.default is None else self.default(now)


def column(
    field: models.Field[Any, Any], connection: BaseDatabaseWrapper, *, is_key: bool = False, nul: str = "refuse"
) -> Column:
    """How values of `field` become parameters on `connection`."""
    convert = adapter(field, connection, is_key=is_key, nul=nul)
    convert_column = vectorised(field, connection, is_key=is_key, nul=nul)
    stamped = bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))
    null, default = bool(field.null), _default(field, stamped)
    return Column(field.name, field.attname, convert, convert_column, null, default, stamped)


def _default(field: models.Field[Any, Any], stamped: bool) -> Callable[[datetime], Any] | None:
    """How a missing value is made, as `Model(...)` and `save()` would; None where there is no default."""
    if stamped:
        return (lambda now: now) if isinstance(field, models.DateTimeField) else (lambda now: now.date())
    if field.db_default is not models.NOT_PROVIDED:
        return None  # refused by Upsert.problems(): the database cannot fill in what every row must send
    if field.has_default() or (field.empty_strings_allowed and not field.null):
        return lambda now: field.get_default()
    return None
