"""Another database: an alias "legacy" of its own. On SQLite another file, elsewhere tables of ours on the same server."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


class Legacy:
    """The other database as whoever writes to it sees it."""

    alias = "legacy"

    def __init__(self) -> None:
        self.tables: list[str] = []
        # Under a name of its own, because Django keeps tests away from aliases that they did not announce.
        self.connection: BaseDatabaseWrapper = connections[self.alias].copy("writer")

    @property
    def vendor(self) -> str:
        return self.connection.vendor

    def say(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)  # with none, a percent sign is a percent sign

    def make(self, table: str, columns: str) -> None:
        """A table; {bytes}, {time}, {text} and {real} are the vendor's types."""
        types = {
            "sqlite": {"bytes": "BLOB", "time": "datetime", "text": "TEXT", "real": "REAL"},
            "mysql": {"bytes": "VARBINARY(50)", "time": "DATETIME(6)", "text": "VARCHAR(100)", "real": "DOUBLE"},
            "postgresql": {"bytes": "BYTEA", "time": "TIMESTAMPTZ", "text": "TEXT", "real": "DOUBLE PRECISION"},
        }[self.vendor]
        quoted = self.connection.ops.quote_name(table)
        self.say(f"DROP TABLE IF EXISTS {quoted}")
        self.say(f"CREATE TABLE {quoted} ({columns.format(**types)})")
        self.tables.append(quoted)

    def insert(self, table: str, *rows: Sequence[Any]) -> None:
        places = ", ".join(["%s"] * len(rows[0]))
        with self.connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {self.connection.ops.quote_name(table)} VALUES ({places})", rows)


@pytest.fixture
def legacy(transactional_db: None, tmp_path: Path) -> Iterator[Legacy]:
    settings = copy.deepcopy(connections["default"].settings_dict)
    if connections["default"].vendor == "sqlite":
        settings["NAME"] = str(tmp_path / "legacy.sqlite3")
    connections.settings[Legacy.alias] = settings
    other = Legacy()
    yield other
    for table in other.tables:
        other.say(f"DROP TABLE {table}")
    other.connection.close()
    connections[Legacy.alias].close()
    del connections[Legacy.alias]
    del connections.settings[Legacy.alias]
