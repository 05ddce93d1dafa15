"""The database's clock, as an expression: the one clock all hosts share, for leases and due times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connections, models
from django.db.models.expressions import CombinedExpression, Func


class DbNow(Func):
    """The database's current time in UTC with microseconds (milliseconds on SQLite)."""

    template = "STATEMENT_TIMESTAMP()"
    output_field = models.DateTimeField()

    def as_mysql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[Any]]:
        # CURRENT_TIMESTAMP would be in the session's time zone, which Django does not set on MySQL.
        sql, params = self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra)
        return sql, list(params)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')"
        sql, params = self.as_sql(compiler, connection, template=template, **extra)
        return sql, tuple(params)


def db_now_plus(seconds: float) -> CombinedExpression:
    """The database's time in `seconds` from now."""
    return CombinedExpression(
        DbNow(), "+", models.Value(timedelta(seconds=seconds)), output_field=models.DateTimeField()
    )


def read_db_now(alias: str = "default") -> datetime:
    """The database's time as an aware datetime."""
    connection = connections[alias]
    sql = {
        "sqlite": "SELECT STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')",
        "mysql": "SELECT UTC_TIMESTAMP(6)",
    }.get(connection.vendor, "SELECT STATEMENT_TIMESTAMP()")
    with connection.cursor() as cursor:
        cursor.execute(sql)
        value = cursor.fetchone()[0]
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
