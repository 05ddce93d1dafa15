"""A connection of our own to the other database: read-only, each statement within a time, nobody else's settings."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion import ConfigurationError
from integrations.databases import sqlite_files, unreadable

_SQLITE_STEPS = 20_000
"""Steps of SQLite's machine between two looks at the clock; far less than a second."""


@dataclass(slots=True)
class Session:
    connection: BaseDatabaseWrapper
    alias: str
    """Under which querysets reach the connection."""
    timeout: float
    zone: tzinfo | None
    deadline: float = field(default=0.0)

    @property
    def vendor(self) -> str:
        return self.connection.vendor

    def quote(self, name: str) -> str:
        return self.connection.ops.quote_name(name)

    def begin(self) -> None:
        """A statement follows: its time starts now."""
        self.deadline = time.monotonic() + self.timeout

    def select(self, statement: str, parameters: Sequence[Any]) -> tuple[list[str], list[Any]]:
        """Names of the columns, and the rows."""
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return [column[0] for column in cursor.description], list(cursor.fetchall())

    def described(self, statement: str, parameters: Sequence[Any]) -> tuple[list[int], list[int]]:
        """The driver's numbers of the columns' types, and MySQL's flags of them; for other databases zeros."""
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            types = [column[1] for column in cursor.description]
            return types, list(getattr(cursor, "description_flags", None) or [0] * len(types))

    def bound(self, moment: datetime) -> Any:
        """`moment` as the database compares it with a datetime column."""
        if self.vendor == "postgresql" and self.zone is None:
            return moment
        return self.connection.ops.adapt_datetimefield_value(moment.astimezone(self.zone or UTC).replace(tzinfo=None))

    def ahead(self) -> float:
        """Seconds by which the database's clock is ahead of ours; 0 where it is ours."""
        asked = {"mysql": "SELECT UTC_TIMESTAMP(6)", "postgresql": "SELECT STATEMENT_TIMESTAMP()"}.get(self.vendor)
        if asked is None:
            return 0.0
        theirs = self.select(asked, [])[1][0][0]
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        return float((theirs - datetime.now(UTC)).total_seconds())


@contextmanager
def session(using: str, timeout: float, zone: tzinfo | None) -> Iterator[Session]:
    """A new connection to the alias `using`, closed at the end.

    Raises ConfigurationError for an unknown alias, SourceChanged for a SQLite file that is not there.
    """
    if using not in connections.settings:
        known = ", ".join(sorted(connections.settings))
        raise ConfigurationError(f"DATABASES has no alias {using!r}; it has {known}.")
    alias = f"{using}-rows-{uuid.uuid4().hex}"
    # A copy: what is set below must not reach the connection that the rest of this process shares.
    private: BaseDatabaseWrapper = connections[using].copy(alias)
    private.settings_dict["OPTIONS"].pop("pool", None)
    if private.vendor == "sqlite":
        private.settings_dict["NAME"] = sqlite_files.existing(using, private.settings_dict["NAME"])
    if private.vendor == "mysql":
        private.settings_dict["OPTIONS"] = unreadable.tolerant_conversions(private.settings_dict["OPTIONS"])
    connections[alias] = private
    opened = Session(private, alias, timeout, zone)
    try:
        _restrict(opened)
        yield opened
    finally:
        private.close()
        del connections[alias]


def _restrict(opened: Session) -> None:
    match opened.vendor:
        case "sqlite":
            _say(opened, "PRAGMA query_only = ON")
            raw: Any = opened.connection.connection
            raw.set_progress_handler(lambda: time.monotonic() > opened.deadline, _SQLITE_STEPS)
        case "postgresql":
            _say(opened, "SET default_transaction_read_only = on")
            unreadable.tolerate(opened.connection)
            _say(opened, f"SET statement_timeout = {round(opened.timeout * 1000)}")
        case "mysql":
            _say(opened, "SET SESSION TRANSACTION READ ONLY")
            mariadb = getattr(opened.connection, "mysql_is_mariadb", False)
            _say(opened, f"SET max_statement_time = {opened.timeout}" if mariadb
                 else f"SET max_execution_time = {round(opened.timeout * 1000)}")  # fmt: skip
            if opened.zone is None:
                _say(opened, "SET time_zone = '+00:00'")  # TIMESTAMP columns are shown in the session's zone
        case other:
            raise ConfigurationError(f"Rows reads SQLite, MariaDB, MySQL and PostgreSQL, not {other}.")


def _say(opened: Session, statement: str) -> None:
    opened.begin()
    with opened.connection.cursor() as cursor:
        cursor.execute(statement)
