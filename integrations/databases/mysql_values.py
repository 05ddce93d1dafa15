"""MariaDB's and MySQL's values beyond Python's: times before 0 and of more than a day, days that no month has."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

from integrations.databases.unreadable import Unreadable

_ZERO = re.compile(r"0000-00-00(?: 00:00:00(?:\.0+)?)?")
"""How these databases write that there is no date; nothing else becomes null."""
SQL_MODE = (
    "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(REPLACE(REPLACE(REPLACE(@@SESSION.sql_mode, 'NO_ZERO_IN_DATE', ''), "
    "'NO_ZERO_DATE', ''), 'TRADITIONAL', ''), ''), 'ALLOW_INVALID_DATES')"
)
"""A day that no month has goes back into the next question: MariaDB takes it there, MySQL 8 only in this mode."""


AS_DOUBLE = "{} + 0e0"
"""What a FLOAT is read as: by itself the server gives it with six digits, 1234567 as 1234570."""


def shortest(value: float | None) -> float | None:
    """Of the numbers that a FLOAT of this `value` can have been written as, the one of fewest digits."""
    if value is None:
        return None
    packed = struct.pack("f", value)
    written = (float(f"{value:.{digits}g}") for digits in range(6, 9))
    return next((number for number in written if _held(number) == packed), float(f"{value:.9g}"))


def _held(number: float) -> bytes:
    try:
        return struct.pack("f", number)
    except OverflowError:  # rounded up beyond the largest
        return b""


def tolerant_conversions(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a connection that gives Unreadable where it would give None, and signed and long times whole."""
    from django.db.backends.mysql.base import django_conversions
    from MySQLdb.constants import FIELD_TYPE  # type: ignore[import-untyped]  # it has no types
    from MySQLdb.times import TimeDelta_or_None  # type: ignore[import-untyped]  # as above

    known = options.get("conv", django_conversions)
    read_time = known[FIELD_TYPE.TIME]

    def time(text: str) -> Any:
        if text.startswith("-"):  # a time of day has no sign, and would lose it
            return TimeDelta_or_None(text)
        try:
            return read_time(text)
        except ValueError:
            return TimeDelta_or_None(text)

    tolerant = {kind: _tolerant(known[kind]) for kind in (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)}
    return {**options, "conv": {**known, **tolerant, FIELD_TYPE.TIME: time}}


def _tolerant(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def tolerant(text: str) -> Any:
        value = read(text)
        return Unreadable(text) if value is None and not _ZERO.fullmatch(text) else value

    return tolerant
