"""Vectorised converters: a column of plain values at once, a fifth of the cost of single values (measured).

Each converter takes a column's values (none of them None) and returns the parameters that `converters.adapter` would
return for each, or None where some value is not plain; then the adapter converts the column value by value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.database.column_limits import SQLITE_DIGITS, integer_range, json_levels
from ingestion.database.json_columns import checked_json, may_be_deep
from ingestion.database.nul import nul_rule
from ingestion.database.unfit import CONVERSION_ERRORS

Vectorised = Callable[[Sequence[Any]], list[Any] | None]
_PAIR = re.compile(r"(?<!\\)(?:\\\\)*\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}")
"""A character beyond the first 65,536, such as an emoji, as json.dumps writes it."""
_NOT_FINITE = re.compile(r'(?<![\w"])(?:NaN|Infinity)(?![\w"])')
"""NaN and Infinity as numbers, or those words inside of a text."""
_UTC_SUFFIX = "+00:00"


def vectorised(
    field: models.Field[Any, Any], connection: BaseDatabaseWrapper, *, is_key: bool = False, nul: str = "refuse"
) -> Vectorised | None:
    """The vectorised converter of `field`; None for fields whose values are always converted singly."""
    match field:
        case models.ForeignKey():
            return vectorised(field.target_field, connection)
        case models.TextField() | models.CharField():
            return _text(field, is_key, bool(nul_rule(connection, nul)))
        case models.IntegerField():
            return _integer(field, connection)
        case models.DecimalField():
            return _decimal(field, connection)
        case models.DateTimeField():
            return _datetime(connection)
        case models.BooleanField() if type(field) is models.BooleanField:  # others store "Y" and "N"
            return _boolean
        case models.JSONField() if type(field) is models.JSONField and not nul_rule(connection, nul):
            return _json(field, json_levels(connection))
        case _:
            return None


def _text(field: models.Field[Any, Any], is_key: bool, minds_nul: bool) -> Vectorised:
    longest = field.max_length or 2**31

    def adapt(values: Sequence[Any]) -> list[Any] | None:
        if not _all(str, values) or max(map(len, values)) > longest:
            return None
        joined = "".join(values)
        if minds_nul and "\0" in joined:
            return None
        if not joined.isascii():
            try:
                joined.encode()
            except UnicodeEncodeError:
                return None
        if is_key and any(map(str.isspace, [value[-1:] for value in values])):
            return None
        return list(values)

    return adapt


def _integer(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Vectorised:
    low, high = integer_range(field, connection)

    def adapt(values: Sequence[Any]) -> list[Any] | None:
        return list(values) if _all(int, values) and low <= min(values) and max(values) <= high else None

    return adapt


def _decimal(field: models.DecimalField[Any, Any], connection: BaseDatabaseWrapper) -> Vectorised | None:
    """Amounts with the same number of decimal places, as in one currency: their length shows that they fit."""
    places = field.decimal_places
    if not places:
        return None
    digits = min(field.max_digits, SQLITE_DIGITS) if connection.vendor == "sqlite" else field.max_digits

    def adapt(values: Sequence[Any]) -> list[Any] | None:
        if not _all(Decimal, values):
            return None
        texts = list(map(format, values, repeat("f")))
        places_here = len(texts[0].partition(".")[2])
        if (
            not 0 < places_here <= places
            or max(map(len, texts)) > min(digits, field.max_digits - places + places_here) + 1
        ):
            return None
        points = [text[-places_here - 1 : -places_here] for text in texts]
        return texts if points.count(".") == len(points) else None

    return adapt


def _datetime(connection: BaseDatabaseWrapper) -> Vectorised | None:
    """Times in UTC, as MySQL and SQLite keep them: their own text without the offset."""
    if connection.vendor == "postgresql" or connection.timezone is not UTC:
        return None

    def adapt(values: Sequence[Any]) -> list[Any] | None:
        if not _all(datetime, values):
            return None
        texts = [text[:-6] for text in map(str, values) if text.endswith(_UTC_SUFFIX)]
        return texts if len(texts) == len(values) else None

    return adapt


def _boolean(values: Sequence[Any]) -> list[Any] | None:
    return list(values) if _all(bool, values) else None


def _json(field: models.JSONField[Any, Any], levels: int) -> Vectorised:
    """Objects and lists as Django writes them, without its six calls a value."""

    def adapt(values: Sequence[Any]) -> list[Any] | None:
        if not set(map(type, values)) <= {dict, list}:
            return None
        texts = [json.dumps(value, cls=field.encoder) for value in values]
        return texts if all(map(_is_plain, texts, repeat(levels))) else None

    return adapt


def _is_plain(text: str, levels: int) -> bool:
    """Whether the database takes the JSON. A text is parsed again only when its first check is not conclusive."""
    may_be_half = "\\ud" in text and "\\ud" in _PAIR.sub("", text)
    if not may_be_half and not _NOT_FINITE.search(text) and not may_be_deep(text, levels):
        return True
    try:
        return checked_json(text, "", levels) == text
    except CONVERSION_ERRORS:
        return False


def _all(kind: type, values: Sequence[Any]) -> bool:
    return set(map(type, values)) == {kind}
