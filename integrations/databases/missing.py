"""Tables and columns that a declaration names and its database does not have, for `manage.py check`."""

from __future__ import annotations

from collections.abc import Sequence

from ingestion import SourceChanged, did_you_mean
from integrations.databases.errors import translate_errors
from integrations.databases.sessions import DatabaseSession, open_session
from integrations.databases.statements import relation_sql

_SECONDS = 10.0


def problems(using: str, table: str, sql: str, columns: Sequence[str]) -> list[str]:
    """A sentence for the table, or for each of the `columns` that is missing. No row is read.

    Raises Transient or CredentialError where the database cannot be asked.
    """
    try:
        with translate_errors(using), open_session(using, _SECONDS, None) as opened:
            if table and (problem := _no_table(opened, using, table)):
                return [problem]
            rows = relation_sql(opened, table, sql)
            names, _ = opened.select(f"SELECT * FROM {rows} rows_ LIMIT 0", [])  # noqa: S608  quoted, or the developer's
    except SourceChanged as error:
        return [str(error)]
    there = {name.casefold() for name in names}
    subject = f"The table {table!r}" if table else "What sql= selects"
    return [
        f"{subject} of {using!r} has no column {name!r}{did_you_mean(name, names) or f'; it has {_listed(names)}.'}"
        for name in dict.fromkeys(columns)
        if name.casefold() not in there
    ]


def _no_table(opened: DatabaseSession, using: str, table: str) -> str:
    """Nothing is said of a table in another schema, which introspection does not list."""
    with opened.connection.cursor() as cursor:
        tables = opened.connection.introspection.table_names(cursor, include_views=True)
    if "." in table or table.casefold() in {name.casefold() for name in tables}:
        return ""
    return f"The database {using!r} has no table {table!r}{did_you_mean(table, tables) or '.'}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
