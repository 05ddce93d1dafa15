"""The types of a query's columns, as its database tells them, and those by which no rows can be read in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingestion import ConfigurationError
from integrations.databases.sessions import Session

FLOAT = "FLOAT"
"""Arrives from MariaDB and MySQL with six digits, whatever it holds."""
_MYSQL = {4: FLOAT, 13: "YEAR", 16: "BIT"}
_MYSQL_FLAGS = {256: "ENUM", 2048: "SET"}
_POSTGRES = {700: "REAL", 1186: "INTERVAL"}
_UNORDERED = {
    # compared as text, ordered by the number of their place in the declaration
    "ENUM": "CAST({} AS CHAR)",
    "SET": "CAST({} AS CHAR)",
    # arrive as bytes, compared as numbers
    "BIT": "CAST({} AS UNSIGNED)",
    # arrive with fewer digits than they are compared with
    "FLOAT": "CAST({} AS DOUBLE)",
    "REAL": "CAST({} AS DOUBLE PRECISION)",
    # arrive as days and seconds, whatever months they were
    "INTERVAL": "CAST({} AS TEXT)",
}


def kinds(session: Session, statement: str, parameters: Sequence[Any]) -> list[str]:
    """Of each column the database's own name for types that need care ("ENUM"), else Django's for a field of it
    ("CharField"); "" where there is none, and none at all for SQLite, whose columns have no types.
    """
    return [kind for _, kind in named_kinds(session, statement, parameters)]


def named_kinds(session: Session, statement: str, parameters: Sequence[Any]) -> list[tuple[str, str]]:
    """The same with the name of each column before it."""
    if session.vendor == "sqlite":
        return []
    own = _MYSQL if session.vendor == "mysql" else _POSTGRES
    fields: Mapping[int, str] = session.connection.introspection.data_types_reverse
    columns, described, flags = session.described(statement, parameters)
    names = [own.get(code) or fields.get(code, "") for code in described]
    for bit, name in _MYSQL_FLAGS.items():
        names = [name if flag & bit else before for before, flag in zip(names, flags, strict=True)]
    return list(zip(columns, names, strict=True))


def require_order(columns: Sequence[str], types: Sequence[str]) -> None:
    """Raises ConfigurationError for a column that its database orders otherwise than it compares what it gave."""
    for column, kind in zip(columns, types, strict=False):
        if kind in _UNORDERED:
            cast = _UNORDERED[kind].format(column)
            raise ConfigurationError(
                f"Rows cannot be ordered by {column!r}, because its type is {kind}: what it holds is ordered "
                f"otherwise than what arrives of it is compared. Read it in sql= as {cast}, or name another column."
            )
