"""What `of` asks for is compared exactly, whatever a database takes for equal, and refused where no column can be it.

A collation takes acme, ACME and acme with a blank for one; MariaDB takes every text that is no number for 0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from ingestion import ConfigurationError

MANY = (list, tuple, set, frozenset)
_TEXTS = frozenset({"CharField", "TextField", "ENUM", "SET"})
_NUMBERS = frozenset(
    ("SmallIntegerField", "IntegerField", "BigIntegerField", "FloatField", "DecimalField", "BooleanField")
) | {"FLOAT", "REAL", "BIT", "YEAR"}
_MOMENTS = {"DateField": date, "DateTimeField": datetime, "TimeField": time}
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_TEXT_OF = {
    # Bytes, because MariaDB's binary collations of text still take no notice of blanks at the end.
    "mysql": "CAST(CONVERT({0} USING utf8mb4) AS BINARY)",
    "postgresql": 'CAST({0} AS TEXT) COLLATE "C"',
    # SQLite writes a whole number of a REAL column as 7.0, and does not tell us the column's type beforehand.
    "sqlite": "CAST(CASE WHEN typeof({0}) = 'real' AND {0} = CAST({0} AS INTEGER) THEN CAST({0} AS INTEGER) "
    "ELSE {0} END AS TEXT) COLLATE BINARY",
}


def fitting(of: Mapping[str, Any], types: Sequence[str]) -> dict[str, Any]:
    """`of` with each value as its column can be it. Raises ConfigurationError for one that it cannot be."""
    known = dict(zip(of, types, strict=False))
    return {
        column: [_fitting(column, known.get(column, ""), part) for part in value]
        if isinstance(value, MANY)
        else _fitting(column, known.get(column, ""), value)
        for column, value in of.items()
    }


def texts(value: Any, kind: str) -> list[str]:
    """Those of the values asked for that a column of text must be to the letter."""
    if kind and kind not in _TEXTS:
        return []  # as numbers, days and UUIDs are equal, so they are one
    return [part for part in (value if isinstance(value, MANY) else [value]) if isinstance(part, str)]


def exact(vendor: str, column: str, wanted: Collection[str]) -> tuple[str, list[Any]]:
    """A condition: `column` is one of the texts `wanted`, code point by code point."""
    places = ", ".join(["%s"] * len(wanted))
    return f"{_TEXT_OF[vendor].format(column)} IN ({places})", [stored(vendor, text) for text in wanted]


def text_of(vendor: str) -> str:
    """The expression that is compared exactly, with {0} for the column."""
    return _TEXT_OF[vendor]


def stored(vendor: str, text: str) -> Any:
    return text.encode() if vendor == "mysql" else text


def _fitting(column: str, kind: str, value: Any) -> Any:
    if value is None:
        return None
    if kind in _TEXTS:
        if isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
        fits = isinstance(value, str | bytes)
    elif kind in _NUMBERS:
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            return int(value)
        fits = not isinstance(value, str | bytes)
    else:
        fits = kind not in _MOMENTS or not isinstance(value, str) or _is_moment(_MOMENTS[kind], value)
    if not fits:
        raise ConfigurationError(
            f"of= asks for rows whose {column!r} is {value!r}, which a column of its type ({_told(kind)}) cannot "
            "be. Nothing was read. Let of= give a value of that type, or name the column that holds such values."
        )
    return value


def _is_moment(kind: Any, value: str) -> bool:
    try:
        kind.fromisoformat(value)
    except ValueError:
        return False
    return True


def _told(kind: str) -> str:
    return kind.removesuffix("Field").lower()
