"""The SQL of one upsert, compiled once per model and database, and how rows become its parameters.

All values are bound parameters; names come from Django's model metadata and are quoted. PostgreSQL takes one text array
a column, MariaDB and MySQL one JSON document (JSON_TABLE, twice as quick as executemany; measured), SQLite executemany.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import repeat
from typing import Any
from uuid import UUID

import msgspec
from django.db import DataError, models
from django.db.backends.base.base import BaseDatabaseWrapper

STATEMENT_BYTES = 4 * 1024 * 1024
"""Upper limit of one MariaDB statement's JSON; escaping at most doubles it, below max_allowed_packet (16 MiB)."""
ROW_BYTES = 7 * 1024 * 1024
"""Limit of one row on MariaDB and MySQL: a statement above max_allowed_packet ends the connection, not the row."""
Columns = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Target:
    """What is written: values of `constants` once for a whole batch, of `sent` for each row. Names are column names."""

    table: str
    constants: Sequence[models.Field[Any, Any]]
    sent: Sequence[models.Field[Any, Any]]
    keys: Sequence[str]
    updates: Sequence[str]
    version: str
    """A row with an older version leaves the stored one as it is; '' where there are none."""

    def into(self, quote: Callable[[str], str]) -> str:
        names = ", ".join(quote(str(field.column)) for field in [*self.constants, *self.sent])
        return f"INSERT INTO {quote(self.table)} ({names})"


@dataclass(frozen=True, slots=True)
class Statement:
    """`write(cursor, constants, columns)` executes the upsert for adapted values, column by column."""

    sql: str
    write: Callable[[Any, Sequence[Any], Columns], None]


def compile_upsert(connection: BaseDatabaseWrapper, target: Target) -> Statement:
    if connection.vendor == "mysql":
        return _mysql(target, connection)
    quote = connection.ops.quote_name
    changes = ", ".join(f"{quote(name)} = EXCLUDED.{quote(name)}" for name in target.updates)
    on_conflict = f"ON CONFLICT ({', '.join(map(quote, target.keys))}) DO UPDATE SET {changes}"
    if target.version:
        theirs, ours = f"EXCLUDED.{quote(target.version)}", f"{quote(target.table)}.{quote(target.version)}"
        on_conflict += f" WHERE {_not_older(theirs, ours)}"
    if connection.vendor == "postgresql":
        return _postgresql(target, on_conflict, connection)
    return _sqlite(target, on_conflict, connection)


def _sqlite(target: Target, on_conflict: str, connection: BaseDatabaseWrapper) -> Statement:
    marks = ", ".join(["%s"] * (len(target.constants) + len(target.sent)))
    sql = f"{target.into(connection.ops.quote_name)} VALUES ({marks}) {on_conflict}"

    def write(cursor: Any, constants: Sequence[Any], columns: Columns) -> None:
        cursor.executemany(sql, zip(*map(repeat, constants), *columns, strict=False))

    return Statement(sql, write)


def _not_older(arriving: str, stored: str) -> str:
    """Versions that cannot be compared, because one is NULL, count as not older: the stages say the same."""
    return f"({arriving} >= {stored} OR {arriving} IS NULL OR {stored} IS NULL)"


def _postgresql(target: Target, on_conflict: str, connection: BaseDatabaseWrapper) -> Statement:
    names = [f"c{index}" for index in range(len(target.sent))]
    picked = [
        *(_postgresql_cast("%s", field, connection) for field in target.constants),
        *(_postgresql_cast(name, field, connection) for name, field in zip(names, target.sent, strict=True)),
    ]
    arrays = ", ".join(["%s::text[]"] * len(names))
    into = target.into(connection.ops.quote_name)
    source = f"unnest({arrays}) AS u({', '.join(names)})"
    sql = f"{into} SELECT {', '.join(picked)} FROM {source} {on_conflict}"  # noqa: S608  names from the model, quoted

    def write(cursor: Any, constants: Sequence[Any], columns: Columns) -> None:
        cursor.execute(sql, [*constants, *map(_texts, columns)])

    return Statement(sql, write)


def _postgresql_cast(name: str, field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> str:
    if _target(field).get_internal_type() == "BinaryField":
        return f"decode({name}, 'hex')"
    return (
        f"{name}::{_target(field).db_type(connection)}"
        if not field.remote_field
        else f"{name}::{field.db_type(connection)}"
    )


def _mysql(target: Target, connection: BaseDatabaseWrapper) -> Statement:
    shapes = (f"c{i} {_mysql_shape(field)} PATH '$[{i}]' ERROR ON ERROR" for i, field in enumerate(target.sent))
    picked = [
        *(["%s"] * len(target.constants)),
        *(
            f"UNHEX(j.c{i})" if _target(field).get_internal_type() == "BinaryField" else f"j.c{i}"
            for i, field in enumerate(target.sent)
        ),
    ]
    into, source = target.into(connection.ops.quote_name), f"JSON_TABLE(%s, '$[*]' COLUMNS ({', '.join(shapes)})) AS j"
    sql = (
        f"{into} SELECT {', '.join(picked)} FROM {source} "  # noqa: S608  names from the model, quoted
        f"ON DUPLICATE KEY UPDATE {', '.join(_mysql_changes(target, connection))}"
    )

    def write(cursor: Any, constants: Sequence[Any], columns: Columns) -> None:
        for document in _documents(list(zip(*map(_texts, columns), strict=True))):
            cursor.execute(sql, [*constants, document])

    return Statement(sql, write)


def _mysql_changes(target: Target, connection: BaseDatabaseWrapper) -> list[str]:
    quote = connection.ops.quote_name
    if not target.version:
        return [f"{quote(name)} = VALUES({quote(name)})" for name in target.updates]
    newer = _not_older(f"VALUES({quote(target.version)})", quote(target.version))
    # Assignments run left to right: the version itself last, or the others would compare with the new one.
    ordered = sorted(target.updates, key=lambda name: name == target.version)
    return [f"{quote(name)} = IF({newer}, VALUES({quote(name)}), {quote(name)})" for name in ordered]


def _mysql_shape(field: models.Field[Any, Any]) -> str:
    """Every column crosses as text and is converted by the INSERT, under the session's strict mode."""
    target = _target(field)
    match target.get_internal_type():
        case "TextField" | "JSONField":
            return "LONGTEXT CHARACTER SET utf8mb4"
        case "BinaryField":
            return f"VARCHAR({2 * target.max_length})" if target.max_length else "LONGTEXT"
        case "UUIDField":
            return "VARCHAR(36)"  # with its dashes; JSON_TABLE would cut it to the field's 32 without a word
        case _ if target.max_length:
            return f"VARCHAR({target.max_length}) CHARACTER SET utf8mb4"
        case _:
            return "VARCHAR(100)"


def _target(field: models.Field[Any, Any]) -> models.Field[Any, Any]:
    return _target(field.target_field) if isinstance(field, models.ForeignKey) else field


def _documents(rows: Sequence[Sequence[str | None]]) -> Iterator[str]:
    """JSON arrays of `rows`, each below STATEMENT_BYTES unless a single row is larger."""
    document = msgspec.json.encode(rows)
    if len(rows) == 1 and len(document) > ROW_BYTES:
        raise DataError(f"The row has {len(document)} bytes, a statement takes {ROW_BYTES}; keep long texts in files.")
    if len(document) <= STATEMENT_BYTES or len(rows) == 1:
        yield document.decode()
        return
    middle = len(rows) // 2
    yield from _documents(rows[:middle])
    yield from _documents(rows[middle:])


def _texts(column: Sequence[Any]) -> list[str | None]:
    return [value if type(value) is str else as_text(value) for value in column]


def as_text(value: Any) -> str | None:
    """An adapted value as the text its column's type converts back to exactly that value."""
    match value:
        case None | str():
            return value
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case bool():
            return "1" if value else "0"
        case int() | Decimal() | float() | UUID():
            return (
                format(value, "f")
                if isinstance(value, Decimal)
                else repr(value)
                if isinstance(value, float)
                else str(value)
            )
        case datetime():
            return value.isoformat(" ")
        case date() | time():
            return value.isoformat()
        case timedelta():  # PostgreSQL's interval; the other databases get whole microseconds from Django
            return f"{value.days} days {value.seconds}.{value.microseconds:06} seconds"
        case _:
            inner = getattr(value, "obj", None)  # psycopg's Binary and Jsonb wrappers
            if isinstance(inner, bytes | bytearray | memoryview):
                return bytes(inner).hex()
            if inner is not None:
                return (value.dumps or json.dumps)(inner)  # the field's own encoder
            raise TypeError(f"A {type(value).__name__} cannot be loaded; use a standard Django field for this column.")
