"""The values of `of` are compared exactly, and refused where the column's type cannot hold them.

A collation takes acme, ACME and acme with a blank for equal; MariaDB takes every text that is no number for 0.
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
    # Bytes, because even MariaDB's binary collations ignore blanks at the end of a text.
    "mysql": "CAST(CONVERT({0} USING utf8mb4) AS BINARY)",
    "postgresql": 'CAST({0} AS TEXT) COLLATE "C"',
    # SQLite writes an integer in a REAL column as 7.0, and does not report the column's type beforehand.
    "sqlite": "CAST(CASE WHEN typeof({0}) = 'real' AND {0} = CAST({0} AS INTEGER) THEN CAST({0} AS INTEGER) "
    "ELSE {0} END AS TEXT) COLLATE BINARY",
}


def fit_values(of: Mapping[str, Any], types: Sequence[str]) -> dict[str, Any]:
    """`of` with each value converted to its column's type. Raises ConfigurationError for a value that does not fit."""
    kinds = dict(zip(of, types, strict=False))
    return {
        column: [_fit_value(column, kinds.get(column, ""), part) for part in value]
        if isinstance(value, MANY)
        else _fit_value(column, kinds.get(column, ""), value)
        for column, value in of.items()
    }


def exact_texts(value: Any, kind: str) -> list[str]:
    """The texts among the values, with which a text column must be compared exactly."""
    if kind and kind not in _TEXTS:
        return []  # numbers, days and UUIDs that compare as equal are equal
    return [part for part in (value if isinstance(value, MANY) else [value]) if isinstance(part, str)]


def exact_condition(vendor: str, column: str, choices: Collection[str]) -> tuple[str, list[Any]]:
    """A condition that `column` equals one of the texts `choices`, code point by code point."""
    places = ", ".join(["%s"] * len(choices))
    return f"{_TEXT_OF[vendor].format(column)} IN ({places})", [as_parameter(vendor, text) for text in choices]


def text_expression(vendor: str) -> str:
    """The SQL expression of a text column for an exact comparison, with {0} for the column."""
    return _TEXT_OF[vendor]


def as_parameter(vendor: str, text: str) -> Any:
    """The text as the parameter with which `text_expression` is compared."""
    return text.encode() if vendor == "mysql" else text


def _fit_value(column: str, kind: str, value: Any) -> Any:
    """The value as a column of that type can hold it. Raises ConfigurationError where it cannot."""
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
        type_name = kind.removesuffix("Field").lower()
        raise ConfigurationError(
            f"of= asks for rows whose {column!r} is {value!r}, which a column of its type ({type_name}) cannot "
            "be. Nothing was read. Let of= give a value of that type, or name the column that holds such values."
        )
    return value


def _is_moment(moment_type: Any, value: str) -> bool:
    try:
        moment_type.fromisoformat(value)
    except ValueError:
        return False
    return True
