"""MariaDB's and MySQL's values that Python's types cannot hold: negative and long times, dates such as February 30."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from integrations.databases.unreadable import Unreadable

_ZERO = re.compile(r"0000-00-00(?: 00:00:00(?:\.0+)?)?")
"""The zero date, by which these databases write that there is no date; no other text becomes null."""
SQL_MODE = (
    "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(REPLACE(REPLACE(REPLACE(@@SESSION.sql_mode, 'NO_ZERO_IN_DATE', ''), "
    "'NO_ZERO_DATE', ''), 'TRADITIONAL', ''), ''), 'ALLOW_INVALID_DATES')"
)
"""Lets a date such as February 30 be a parameter: MariaDB always accepts it, MySQL 8 only in this mode."""
AS_DOUBLE = "{} + 0e0"
"""The expression for a FLOAT column, which the server would send with six digits, 1234567 as 1234570."""


def shortest_float(value: float | None) -> float | None:
    """The number of fewest digits that is stored in a FLOAT as this `value`."""
    if value is None:
        return None
    packed = struct.pack("f", value)
    candidates = (float(f"{value:.{digits}g}") for digits in range(6, 9))
    return next((number for number in candidates if _packed(number) == packed), float(f"{value:.9g}"))


def _packed(number: float) -> bytes:
    try:
        return struct.pack("f", number)
    except OverflowError:  # rounding made it larger than the largest FLOAT
        return b""


def tolerant_conversions(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a connection that returns Unreadable instead of None, and negative and long times unchanged."""
    from django.db.backends.mysql.base import django_conversions
    from MySQLdb.constants import FIELD_TYPE  # type: ignore[import-untyped]  # it has no types
    from MySQLdb.times import TimeDelta_or_None  # type: ignore[import-untyped]  # as above

    conversions = options.get("conv", django_conversions)
    read_time = conversions[FIELD_TYPE.TIME]

    def time(text: str) -> Any:
        if text.startswith("-"):  # a datetime.time has no sign and would lose it
            return TimeDelta_or_None(text)
        try:
            return read_time(text)
        except ValueError:
            return TimeDelta_or_None(text)

    dates = (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)
    tolerant = {field_type: _tolerant(conversions[field_type]) for field_type in dates}
    return {**options, "conv": {**conversions, **tolerant, FIELD_TYPE.TIME: time}}


def _tolerant(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def tolerant(text: str) -> Any:
        value = read(text)
        return Unreadable(text) if value is None and not _ZERO.fullmatch(text) else value

    return tolerant
