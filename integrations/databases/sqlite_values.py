"""SQLite's values: it stores whatever is written, whatever its column is declared to hold.

So a session reads values as they are stored, and converts here those of columns declared as dates, times and truths.
Python's own conversion would raise over some and lose others.
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
    """A moment with more digits than a datetime has."""

    moment: datetime
    digits: str


def reads_of(declared: Mapping[str, str]) -> Mapping[str, Read]:
    """How to read the columns that need it, from their declared types. Names are in small letters."""
    kinds = {name.lower(): kind.lower().replace("(", " ").split() for name, kind in declared.items()}
    return {name: _READS[kind[0]] for name, kind in kinds.items() if kind and kind[0] in _READS}


def questions(relation: str) -> tuple[str, str, str]:
    """Statements that tell the declared types of a relation's columns: before, the question itself, and after it.

    A view of the session's own is the only thing that SQLite names types of where they come from a SELECT.
    """
    return (
        "CREATE TEMP VIEW rows_declared__ AS SELECT rows_.* FROM " + relation + " rows_",  # noqa: S608  quoted, or the developer's
        "SELECT name, type FROM pragma_table_info('rows_declared__', 'temp')",
        "DROP VIEW temp.rows_declared__",
    )


def _date(value: Any) -> Any:
    """A date; a text with a time of day is the value that it is, and no date."""
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
        return time.fromisoformat(value)  # which keeps an offset
    except (ValueError, TypeError):
        return _read(parse_time, value)


def _truth(value: Any) -> Any:
    if value is None or isinstance(value, NoText):
        return value
    return bool(value) if value in (0, 1) else Unreadable(value)


def _read(parse: Callable[[str], Any], value: Any) -> Any:
    """What a text says; numbers, as others write moments, are for who knows what they count."""
    if not isinstance(value, str):
        return value
    try:
        read = parse(value)
    except ValueError:
        read = None
    return Unreadable(value) if read is None else read


_READS: Mapping[str, Read] = {
    "bool": _truth,
    "date": _date,
    "time": _time,
    "datetime": _moment,
    "timestamp": _moment,
}
