"""Whether the parts of `Rows` are what they must be, said where it is declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from ingestion import ConfigurationError

_TEXTS = ("using", "table", "sql", "watermark")


def check(rows: Any) -> None:
    """Raise ConfigurationError for the first part of `rows` that nothing could be read with."""
    for name in _TEXTS:
        _require(isinstance(getattr(rows, name), str), name, getattr(rows, name), "a text")
    _require(rows.using != "", "using", rows.using, 'an alias of DATABASES, such as "shop"')
    for name in ("of", *(name for name in ("queryset", "bound") if getattr(rows, name) is not None)):
        value = getattr(rows, name)
        _require(callable(value) and not isinstance(value, type), name, value, "a function")
    if sum(map(bool, (rows.table, rows.sql, rows.queryset))) != 1:
        raise ConfigurationError("Rows reads one of table=, sql= and queryset=.")
    if not (rows.key and _are_names(rows.key)):
        raise ConfigurationError('Rows needs key=[…], the columns that together are unique, for example ["id"].')
    _require(_are_names(rows.columns), "columns", rows.columns, 'a list of names, such as ["id", "total"]')
    if rows.nulls not in ("refuse", "read"):
        raise ConfigurationError('Rows takes nulls="refuse" or nulls="read".')
    zone = rows.zone
    _require(zone is None or isinstance(zone, tzinfo), "zone", zone, 'a zone, such as ZoneInfo("Europe/Amsterdam")')
    size, seconds = rows.page_size, rows.timeout
    good = isinstance(size, int) and not isinstance(size, bool) and size >= 1
    _require(good, "page_size", size, "a whole number, 1 or more")
    good = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < math.inf
    _require(good, "timeout", seconds, "a number of seconds above 0")


def _are_names(value: object) -> bool:
    is_list = isinstance(value, Sequence) and not isinstance(value, str | bytes)
    return is_list and all(isinstance(name, str) and name for name in value)  # type: ignore[attr-defined]


def _require(good: bool, name: str, value: object, requirement: str) -> None:
    if not good:
        raise ConfigurationError(f"{name} of Rows must be {requirement}; it is {value!r}.")
