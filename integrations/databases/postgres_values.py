"""PostgreSQL's values that Python's types cannot hold: infinity, years after 9999 or before 1, 24:00, months.

A `json` column is read as bytes, because Python's numbers would lose digits.
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
    """Make the open `connection` return Unreadable instead of raising, and intervals with their months."""
    from psycopg import DataError
    from psycopg.pq import Format

    adapters: Any = connection.connection.adapters

    def wrapping(loader_class: Any, read: Callable[[bytes, Callable[[Any], Any]], Any]) -> type:
        class WrappingLoader:
            """A psycopg loader that passes the registered loader's `load` to `read`."""

            format = Format.TEXT
            timezone = getattr(loader_class, "timezone", None)  # Django compares it with the connection's own

            def __init__(self, oid: int, context: Any = None) -> None:
                self.loader = loader_class(oid, context)

            def load(self, data: Any) -> Any:
                return read(data, self.loader.load)

        return WrappingLoader

    def tolerant(data: bytes, load: Callable[[Any], Any]) -> Any:
        try:
            return load(data)
        except (DataError, ValueError, OverflowError):
            return Unreadable(bytes(data).decode())

    def interval(data: bytes, load: Callable[[Any], Any]) -> Any:
        return interval_with_months(bytes(data).decode()) or tolerant(data, load)

    reads: dict[str, Callable[..., Any]] = {
        **dict.fromkeys(_KINDS, tolerant),
        "interval": interval,
        "json": lambda data, _: msgspec.Raw(bytes(data)),
    }
    for kind, read in reads.items():
        oid = adapters.types[kind].oid
        adapters.register_loader(oid, wrapping(adapters.get_loader(oid, Format.TEXT), read))


def interval_with_months(interval: str) -> str | None:
    """The interval in ISO 8601, "1 year 2 mons -3 days 04:05:06" as P1Y2M-3DT4H5M6S; None where it has no months.

    A timedelta cannot hold months: how many days they have depends on the date that they are added to.
    """
    parts = _INTERVAL.fullmatch(interval)
    if parts is None or not (parts["Y"] or parts["M"]):
        return None
    days = "".join(f"{parts[unit]}{unit}" for unit in "YMD" if parts[unit])
    sign = "-" if parts["sign"] == "-" else ""
    times = {"H": parts["hours"], "M": parts["minutes"], "S": parts["seconds"]}
    nonzero = {unit: time.lstrip("0") for unit, time in times.items() if time and time.strip("0.")}
    clock = "".join(f"{sign}{'0' if time[0] == '.' else ''}{time}{unit}" for unit, time in nonzero.items())
    return f"P{days}T{clock}" if clock else f"P{days}"
