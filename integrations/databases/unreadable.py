"""Values that a database holds and Python's types cannot: a fault of one row, which must not end the whole run.

The cases of each database are in `sqlite_values`, `mysql_values` and `postgres_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_FAULTS = (ValueError, TypeError, AttributeError, ArithmeticError)
"""Errors that conversions raise over a value that they do not expect."""


class Unreadable(str):
    """The value as the database writes it; as a text it can also be a parameter of the next statement."""

    __slots__ = ()


class NoText(bytes):
    """The bytes in a text column that are not UTF-8; they cannot be a parameter of a statement."""

    __slots__ = ()


def decode_text(raw: bytes) -> str | NoText:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return NoText(raw)


def tolerate(connection: BaseDatabaseWrapper) -> None:
    """Make fields of querysets return Unreadable where their conversion would raise, or turn a value into None."""
    operations: Any = connection.ops
    converters = operations.get_db_converters
    operations.get_db_converters = lambda expression: [_tolerant(convert) for convert in converters(expression)]
    operations.convert_durationfield_value = _tolerant(operations.convert_durationfield_value)


def _tolerant(convert: Callable[..., Any]) -> Callable[..., Any]:
    def read(value: Any, *context: Any) -> Any:
        if value is None or isinstance(value, Unreadable | NoText):
            return value
        try:
            converted = convert(value, *context)
        except _FAULTS:
            converted = None
        return Unreadable(value) if converted is None else converted

    return read


def first_without_text(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> str | None:
    """The first of `names` whose column has a value in `rows` that is not UTF-8, if any."""
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if isinstance(value, NoText):
                return name
    return None
