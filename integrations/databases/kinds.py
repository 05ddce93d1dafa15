"""The types of a query's columns, as the database reports them, and the types by which rows cannot be ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion import ConfigurationError
from integrations.databases.sessions import DatabaseSession

FLOAT = "FLOAT"
"""MariaDB and MySQL send it with six digits, whatever it holds."""
_MYSQL = {4: FLOAT, 13: "YEAR", 16: "BIT"}
_MYSQL_FLAGS = {256: "ENUM", 2048: "SET"}
_POSTGRES = {700: "REAL", 1186: "INTERVAL"}
_UNORDERED = {
    # compared as text, ordered by their position in the declaration
    "ENUM": "CAST({} AS CHAR)",
    "SET": "CAST({} AS CHAR)",
    # arrive as bytes, compared as numbers
    "BIT": "CAST({} AS UNSIGNED)",
    # arrive with fewer digits than they are compared with
    "FLOAT": "CAST({} AS DOUBLE)",
    "REAL": "CAST({} AS DOUBLE PRECISION)",
    # arrive as days and seconds, without their months
    "INTERVAL": "CAST({} AS TEXT)",
}


def kinds(session: DatabaseSession, statement: str, parameters: Sequence[Any]) -> list[str]:
    """The type of each column: the database's own name for types that need care ("ENUM"), else the name of Django's
    field ("CharField"), "" where there is none. The list is empty for SQLite, whose columns have no types.
    """
    return [kind for _, kind in named_kinds(session, statement, parameters)]


def named_kinds(session: DatabaseSession, statement: str, parameters: Sequence[Any]) -> list[tuple[str, str]]:
    """The name and the type of each column, as `kinds` gives it."""
    if session.vendor == "sqlite":
        return []
    special_types = _MYSQL if session.vendor == "mysql" else _POSTGRES
    fields: Mapping[int, str] = session.connection.introspection.data_types_reverse
    columns, codes, flags = session.describe(statement, parameters)
    types = [special_types.get(code) or fields.get(code, "") for code in codes]
    for bit, flag_type in _MYSQL_FLAGS.items():
        types = [flag_type if flag & bit else kind for kind, flag in zip(types, flags, strict=True)]
    return list(zip(columns, types, strict=True))


def require_order(columns: Sequence[str], types: Sequence[str]) -> None:
    """Raise ConfigurationError for a column that the database orders otherwise than it compares its values."""
    for column, kind in zip(columns, types, strict=False):
        if kind in _UNORDERED:
            cast = _UNORDERED[kind].format(column)
            raise ConfigurationError(
                f"Rows cannot be ordered by {column!r}, because its type is {kind}: what it holds is ordered "
                f"otherwise than what arrives of it is compared. Read it in sql= as {cast}, or name another column."
            )
