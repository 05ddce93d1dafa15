"""PostgreSQL's values beyond Python's: infinity, years beyond 9999 and before 1, times of 24:00, months of intervals.

A `json` column comes byte by byte, because Python's numbers would cost it digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from django.db.backends.base.base import BaseDatabaseWrapper

from integrations.databases.unreadable import Unreadable

_KINDS = ("date", "time", "timetz", "timestamp", "timestamptz")
_INTERVAL = re.compile(
    r"(?:\+?(?P<Y>-?\d+) years? ?)?(?:\+?(?P<M>-?\d+) mons? ?)?(?:\+?(?P<D>-?\d+) days? ?)?"
    r"(?:(?P<sign>[+-]?)(?P<hours>\d+):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?))?"
)


def tolerate(connection: BaseDatabaseWrapper) -> None:
    """From here on `connection`, which is open, gives Unreadable where it would raise, and months as they are."""
    from psycopg import DataError
    from psycopg.pq import Format

    adapters: Any = connection.connection.adapters

    def reading(known: Any, read: Callable[[bytes, Callable[[Any], Any]], Any]) -> type:
        class Reading:
            """What psycopg asks of a loader, around the one that it had."""

            format = Format.TEXT
            timezone = getattr(known, "timezone", None)  # Django compares it with the connection's own

            def __init__(self, oid: int, context: Any = None) -> None:
                self.known = known(oid, context)

            def load(self, data: Any) -> Any:
                return read(data, self.known.load)

        return Reading

    def tolerant(data: bytes, load: Callable[[Any], Any]) -> Any:
        try:
            return load(data)
        except (DataError, ValueError, OverflowError):
            return Unreadable(bytes(data).decode())

    def interval(data: bytes, load: Callable[[Any], Any]) -> Any:
        return with_months(bytes(data).decode()) or tolerant(data, load)

    reads: dict[str, Callable[..., Any]] = {
        **dict.fromkeys(_KINDS, tolerant),
        "interval": interval,
        "json": lambda data, _: msgspec.Raw(bytes(data)),
    }
    for kind, read in reads.items():
        oid = adapters.types[kind].oid
        adapters.register_loader(oid, reading(adapters.get_loader(oid, Format.TEXT), read))


def with_months(written: str) -> str | None:
    """An interval in ISO 8601, "1 year 2 mons -3 days 04:05:06" as P1Y2M-3DT4H5M6S; None where it has no months.

    No timedelta holds months: how many days they have depends on what they are added to.
    """
    parts = _INTERVAL.fullmatch(written)
    if parts is None or not (parts["Y"] or parts["M"]):
        return None
    days = "".join(f"{parts[unit]}{unit}" for unit in "YMD" if parts[unit])
    sign = "-" if parts["sign"] == "-" else ""
    times = {"H": parts["hours"], "M": parts["minutes"], "S": parts["seconds"]}
    shown = {unit: time.lstrip("0") for unit, time in times.items() if time and time.strip("0.")}
    day = "".join(f"{sign}{'0' if time[0] == '.' else ''}{time}{unit}" for unit, time in shown.items())
    return f"P{days}T{day}" if day else f"P{days}"
