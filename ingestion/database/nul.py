"""NUL (U+0000), which PostgreSQL cannot store in a text."""

from __future__ import annotations

from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.database.unfit import ColumnFault

NUL_REFUSED = (
    "The text holds NUL (U+0000), which PostgreSQL cannot store. "
    'Upsert(…, nul="replace") loads it with U+FFFD in its place, outside of keys.'
)


def nul_rule(connection: BaseDatabaseWrapper, nul: str) -> str:
    """The rule for NUL in a text: "replace", "refuse", or "" where the database takes it as it is."""
    return nul if nul == "replace" or connection.vendor == "postgresql" else ""


def without_nul(text: str, sign: str, replacement: str, nul: str) -> str:
    """`text` with `replacement` for every `sign` of NUL. Raises ColumnFault unless it is to be replaced."""
    if nul != "replace":
        raise ColumnFault("nul", NUL_REFUSED)
    return text.replace(sign, replacement)
