"""A connection of our own to the other database: read-only, each statement within a time, nobody else's settings."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion import ConfigurationError
from integrations.databases import mysql_values, postgres_values, sqlite_files, sqlite_values, unreadable

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
    reads: dict[str, Mapping[str, sqlite_values.Read]] = field(default_factory=dict)
    """How values of a relation's columns are read, for those that need it."""

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

    def described(self, statement: str, parameters: Sequence[Any]) -> tuple[list[str], list[int], list[int]]:
        """The columns' names, the driver's numbers of their types, and MySQL's flags of them (elsewhere zeros)."""
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            names, types = ([column[at] for column in cursor.description] for at in (0, 1))
            return names, types, list(getattr(cursor, "description_flags", None) or [0] * len(types))

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

    def reader(self, relation: str, names: Sequence[str]) -> Callable[[Sequence[Any]], Mapping[str, Any]]:
        """What makes a row of `relation`, selected as `names`, of what the database gave."""
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ConfigurationError(f"Two columns are named {twice!r}; in sql= give one of them another name with AS.")
        if self.vendor == "sqlite" and relation not in self.reads:
            self.reads[relation] = sqlite_values.reads_of(self._declared(relation))
        reads = self.reads.get(relation, {})
        places = [(name, reads.get(name.lower())) for name in names]
        if not any(read for _, read in places):
            return lambda row: dict(zip(names, row, strict=False))
        return lambda row: {
            name: read(value) if read else value for (name, read), value in zip(places, row, strict=False)
        }

    def _declared(self, relation: str) -> Mapping[str, str]:
        create, question, drop = sqlite_values.questions(relation)
        self._write(create, [])
        try:
            _, types = self.select(question, [])
        finally:
            self._write(drop)
        return dict(types)

    def _write(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        """A statement about a view of this session's own, which refuses to write all else, also after it failed."""
        self.say("PRAGMA query_only = OFF")
        try:
            self.say(statement, parameters)
        finally:
            self.say("PRAGMA query_only = ON")

    def say(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)


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
        private.settings_dict["OPTIONS"] = {**private.settings_dict["OPTIONS"], "detect_types": 0}
    if private.vendor == "mysql":
        private.settings_dict["OPTIONS"] = mysql_values.tolerant_conversions(private.settings_dict["OPTIONS"])
    unreadable.spare(private)
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
            opened.say("PRAGMA query_only = ON")
            raw: Any = opened.connection.connection
            raw.text_factory = unreadable.text_of
            raw.set_progress_handler(lambda: time.monotonic() > opened.deadline, _SQLITE_STEPS)
        case "postgresql":
            opened.say("SET default_transaction_read_only = on")
            postgres_values.tolerate(opened.connection)
            opened.say(f"SET statement_timeout = {round(opened.timeout * 1000)}")
        case "mysql":
            opened.say("SET SESSION TRANSACTION READ ONLY")
            opened.say(mysql_values.SQL_MODE)
            mariadb = getattr(opened.connection, "mysql_is_mariadb", False)
            opened.say(f"SET max_statement_time = {opened.timeout}" if mariadb
                 else f"SET max_execution_time = {round(opened.timeout * 1000)}")  # fmt: skip
            if opened.zone is None:
                opened.say("SET time_zone = '+00:00'")  # TIMESTAMP columns are shown in the session's zone
        case other:
            raise ConfigurationError(f"Rows reads SQLite, MariaDB, MySQL and PostgreSQL, not {other}.")
