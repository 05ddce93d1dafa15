"""SQLite's values: a column stores any value, whatever type it is declared with.

So a session reads values as they are stored, and this module converts those of columns declared as dates, times and
booleans. Python's own conversion would raise an error over some of them and lose others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, NamedTuple

from django.utils.dateparse import parse_date, parse_datetime, parse_time

from integrations.databases.unreadable import NoText, Unreadable

Read = Callable[[Any], Any]
_FINER = re.compile(r"[.,]\d{6}(\d*[1-9])")


class Finer(NamedTuple):
    """A moment with more digits of a second than a datetime has."""

    moment: datetime
    digits: str


def readers_by_column(declared: Mapping[str, str]) -> Mapping[str, Read]:
    """The readers of the columns that need one, by their declared types. Names are in lower case."""
    kinds = {name.lower(): kind.lower().replace("(", " ").split() for name, kind in declared.items()}
    return {name: _READS[kind[0]] for name, kind in kinds.items() if kind and kind[0] in _READS}


def type_statements(relation: str) -> tuple[str, str, str]:
    """Three statements that tell the declared types of a relation's columns: create a view, query it, drop it.

    SQLite reports the declared types of a SELECT's columns only through a view.
    """
    return (
        "CREATE TEMP VIEW rows_declared__ AS SELECT rows_.* FROM " + relation + " rows_",  # noqa: S608  quoted, or the developer's
        "SELECT name, type FROM pragma_table_info('rows_declared__', 'temp')",
        "DROP VIEW temp.rows_declared__",
    )


def _date(value: Any) -> Any:
    """A date; a text with a time of day stays a text."""
    read = _read(parse_date, value)
    return value if isinstance(read, Unreadable) and isinstance(_read(parse_datetime, value), date) else read


def _moment(value: Any) -> Any:
    read = _read(parse_datetime, value)
    finer = _FINER.search(value) if isinstance(read, datetime) else None
    return Finer(read, finer[1]) if finer else read


def _time(value: Any) -> Any:
    if isinstance(value, str) and _FINER.search(value):
        return value
    try:
        return time.fromisoformat(value)  # keeps an offset, which parse_time would not
    except (ValueError, TypeError):
        return _read(parse_time, value)


def _boolean(value: Any) -> Any:
    if value is None or isinstance(value, NoText):
        return value
    return bool(value) if value in (0, 1) else Unreadable(value)


def _read(parse: Callable[[str], Any], value: Any) -> Any:
    """The parsed text, or Unreadable. A number stays as it is: the source alone knows what it counts."""
    if not isinstance(value, str):
        return value
    try:
        read = parse(value)
    except ValueError:
        read = None
    return Unreadable(value) if read is None else read


_READS: Mapping[str, Read] = {
    "bool": _boolean,
    "date": _date,
    "time": _time,
    "datetime": _moment,
    "timestamp": _moment,
}
