"""Values that a database holds and Python has no word for: one row's fault, which must not end the reading of all.

What each database has of them: `sqlite_values`, `mysql_values`, `postgres_values`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_FAULTS = (ValueError, TypeError, AttributeError, ArithmeticError)
"""What conversions raise over a value that they were not made for."""


class Unreadable(str):
    """The value as the database writes it; as a text it also goes back into the database's next question."""

    __slots__ = ()


class NoText(bytes):
    """What a column of texts holds instead of one; no question can be asked with it."""

    __slots__ = ()


def text_of(raw: bytes) -> str | NoText:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return NoText(raw)


def spare(connection: BaseDatabaseWrapper) -> None:
    """From here on fields of querysets give Unreadable where their conversion would raise, or make None of a value."""
    operations: Any = connection.ops
    converters = operations.get_db_converters
    operations.get_db_converters = lambda expression: [_sparing(one) for one in converters(expression)]
    operations.convert_durationfield_value = _sparing(operations.convert_durationfield_value)


def _sparing(convert: Callable[..., Any]) -> Callable[..., Any]:
    def read(value: Any, *about: Any) -> Any:
        if value is None or isinstance(value, Unreadable | NoText):
            return value
        try:
            converted = convert(value, *about)
        except _FAULTS:
            converted = None
        return Unreadable(value) if converted is None else converted

    return read


def first_without_text(rows: Sequence[Sequence[Any]], names: Sequence[str]) -> str | None:
    """Which of `names` has a value in `rows` that is no text although it should be, if any."""
    for row in rows:
        for name, value in zip(names, row, strict=True):
            if isinstance(value, NoText):
                return name
    return None
