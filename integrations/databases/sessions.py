"""A private connection to the other database: read-only, with a time limit for each statement."""

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
"""Instructions of SQLite's virtual machine between two checks of the clock; far less than a second."""


@dataclass(slots=True)
class DatabaseSession:
    connection: BaseDatabaseWrapper
    alias: str
    """The database alias with which querysets use the connection."""
    timeout: float
    zone: tzinfo | None
    deadline: float = field(default=0.0)
    reads: dict[str, Mapping[str, sqlite_values.Read]] = field(default_factory=dict)
    """Readers of the values of a relation's columns, for SQLite's columns that need one."""

    @property
    def vendor(self) -> str:
        return self.connection.vendor

    def quote(self, name: str) -> str:
        return self.connection.ops.quote_name(name)

    def begin(self) -> None:
        """Start the time limit of the next statement."""
        self.deadline = time.monotonic() + self.timeout

    def select(self, statement: str, parameters: Sequence[Any]) -> tuple[list[str], list[Any]]:
        """The names of the columns, and the rows."""
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return [column[0] for column in cursor.description], list(cursor.fetchall())

    def describe(self, statement: str, parameters: Sequence[Any]) -> tuple[list[str], list[int], list[int]]:
        """The columns' names, the driver's type codes, and MySQL's flags (zeros for other databases)."""
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            names, types = ([column[index] for column in cursor.description] for index in (0, 1))
            return names, types, list(getattr(cursor, "description_flags", None) or [0] * len(types))

    def bound(self, moment: datetime) -> Any:
        """`moment` as the database compares it with a datetime column."""
        if self.vendor == "postgresql" and self.zone is None:
            return moment
        return self.connection.ops.adapt_datetimefield_value(moment.astimezone(self.zone or UTC).replace(tzinfo=None))

    def ahead(self) -> float:
        """Seconds by which the database's clock is ahead of ours; 0 for SQLite, which uses ours."""
        query = {"mysql": "SELECT UTC_TIMESTAMP(6)", "postgresql": "SELECT STATEMENT_TIMESTAMP()"}.get(self.vendor)
        if query is None:
            return 0.0
        moment = self.select(query, [])[1][0][0]
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return float((moment - datetime.now(UTC)).total_seconds())

    def reader(self, relation: str, names: Sequence[str]) -> Callable[[Sequence[Any]], Mapping[str, Any]]:
        """A function from the database's values of `names` to a row of `relation`.

        Raises ConfigurationError where two columns have the same name.
        """
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise ConfigurationError(
                f"Two columns are named {repeated!r}; in sql= give one of them another name with AS."
            )
        if self.vendor == "sqlite" and relation not in self.reads:
            self.reads[relation] = sqlite_values.readers_by_column(self._declared_types(relation))
        reads = self.reads.get(relation, {})
        readers = [(name, reads.get(name.lower())) for name in names]
        if not any(read for _, read in readers):
            return lambda row: dict(zip(names, row, strict=False))
        return lambda row: {
            name: read(value) if read else value for (name, read), value in zip(readers, row, strict=False)
        }

    def _declared_types(self, relation: str) -> Mapping[str, str]:
        """The declared type of each column of the relation, in SQLite."""
        create, query, drop = sqlite_values.type_statements(relation)
        self._write(create, [])
        try:
            _, types = self.select(query, [])
        finally:
            self._write(drop)
        return dict(types)

    def _write(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        """Execute a statement about the session's temporary view; all other writes stay forbidden."""
        self.execute("PRAGMA query_only = OFF")
        try:
            self.execute(statement, parameters)
        finally:
            self.execute("PRAGMA query_only = ON")

    def execute(self, statement: str, parameters: Sequence[Any] | None = None) -> None:
        self.begin()
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters)


@contextmanager
def open_session(using: str, timeout: float, zone: tzinfo | None) -> Iterator[DatabaseSession]:
    """A new connection to the alias `using`, closed at the end.

    Raises ConfigurationError for an unknown alias, SourceChanged for a SQLite file that is not there.
    """
    if using not in connections.settings:
        aliases = ", ".join(sorted(connections.settings))
        raise ConfigurationError(f"DATABASES has no alias {using!r}; it has {aliases}.")
    alias = f"{using}-rows-{uuid.uuid4().hex}"
    # A copy, because the changes below must not reach the connection that the rest of the process shares.
    private: BaseDatabaseWrapper = connections[using].copy(alias)
    private.settings_dict["OPTIONS"].pop("pool", None)
    if private.vendor == "sqlite":
        private.settings_dict["NAME"] = sqlite_files.existing_file_address(using, private.settings_dict["NAME"])
        private.settings_dict["OPTIONS"] = {**private.settings_dict["OPTIONS"], "detect_types": 0}
    if private.vendor == "mysql":
        private.settings_dict["OPTIONS"] = mysql_values.tolerant_conversions(private.settings_dict["OPTIONS"])
    unreadable.tolerate(private)
    connections[alias] = private
    opened = DatabaseSession(private, alias, timeout, zone)
    try:
        _restrict(opened)
        yield opened
    finally:
        private.close()
        del connections[alias]


def _restrict(opened: DatabaseSession) -> None:
    """Make the connection read-only, limit the time of its statements, and let it return Unreadable values."""
    match opened.vendor:
        case "sqlite":
            opened.execute("PRAGMA query_only = ON")
            raw: Any = opened.connection.connection
            raw.text_factory = unreadable.decode_text
            raw.set_progress_handler(lambda: time.monotonic() > opened.deadline, _SQLITE_STEPS)
        case "postgresql":
            opened.execute("SET default_transaction_read_only = on")
            postgres_values.tolerate(opened.connection)
            opened.execute(f"SET statement_timeout = {round(opened.timeout * 1000)}")
        case "mysql":
            opened.execute("SET SESSION TRANSACTION READ ONLY")
            opened.execute(mysql_values.SQL_MODE)
            mariadb = getattr(opened.connection, "mysql_is_mariadb", False)
            if mariadb:
                opened.execute(f"SET max_statement_time = {opened.timeout}")
            else:
                opened.execute(f"SET max_execution_time = {round(opened.timeout * 1000)}")
            if opened.zone is None:
                opened.execute(
                    "SET time_zone = '+00:00'"
                )  # the server converts TIMESTAMP columns to the session's zone
        case vendor:
            raise ConfigurationError(f"Rows reads SQLite, MariaDB, MySQL and PostgreSQL, not {vendor}.")
