"""Values that a database holds and Python has no word for: one row's fault, which must not end the reading of all.

PostgreSQL's infinity, its years beyond 9999 and before 1, and times of 24:00; MariaDB's times of more than a day.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

_POSTGRES_KINDS = ("date", "time", "timetz", "timestamp", "timestamptz", "interval")


class Unreadable(str):
    """The value as the database writes it; as a text it also goes back into the database's next question."""

    __slots__ = ()


def tolerate(connection: BaseDatabaseWrapper) -> None:
    """From here on `connection`, which is PostgreSQL's and open, gives Unreadable where it would raise."""
    from psycopg import DataError
    from psycopg.pq import Format

    adapters: Any = connection.connection.adapters

    def tolerant(known: Any) -> type:
        class Tolerant:
            """What psycopg asks of a loader, around the one that it had."""

            format = Format.TEXT
            timezone = getattr(known, "timezone", None)  # Django compares it with the connection's own

            def __init__(self, oid: int, context: Any = None) -> None:
                self.known = known(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self.known.load(data)
                except (DataError, ValueError, OverflowError):
                    return Unreadable(bytes(data).decode())

        return Tolerant

    for kind in _POSTGRES_KINDS:
        oid = adapters.types[kind].oid
        adapters.register_loader(oid, tolerant(adapters.get_loader(oid, Format.TEXT)))


def tolerant_conversions(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a MySQL connection, with times of more than a day as the durations that they are."""
    from django.db.backends.mysql.base import django_conversions
    from MySQLdb.constants import FIELD_TYPE  # type: ignore[import-untyped]  # it has no types
    from MySQLdb.times import TimeDelta_or_None  # type: ignore[import-untyped]  # as above

    known = options.get("conv", django_conversions)
    read = known[FIELD_TYPE.TIME]

    def time(text: Any) -> Any:
        try:
            return read(text)
        except ValueError:
            return TimeDelta_or_None(text)

    return {**options, "conv": {**known, FIELD_TYPE.TIME: time}}
