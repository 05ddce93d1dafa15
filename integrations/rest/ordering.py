"""Which stored versions say nothing against what arrives: only like is compared with like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ingestion import Context, Stored, Upsert, counted
from integrations.rest.declaration import Declaration
from integrations.rest.models import RestRecord
from integrations.rest.versions import latest

_AT_ONCE = 500
"""Rows that one statement changes; older SQLite libraries take 999 parameters."""


def name_of(declared: Declaration) -> str:
    """What `ordered_by` holds of rows that this declaration orders: the member, and how its numbers are read."""
    return f"{declared.updated} {declared.updated_unit}".rstrip() if declared.updated else ""


def compared(declared: Declaration, digest: bytes, version: int | None, name: str | None) -> Stored:
    """What is known of a row, without its version where nothing that arrives can be compared with it."""
    return Stored(bytes(digest), None if _is_unlike(version, name, declared) else version)


def let_go(ctx: Context, table: Upsert[Any], keys: Sequence[str], declared: Declaration) -> Sequence[str]:
    """Forget such versions of the rows under `keys` before they are written over; a note says so.

    Within the batch's transaction.
    """
    stored = table.columns(ctx, keys, "pk", "version", "ordered_by")
    unlike = sorted(pk for _, (pk, version, name) in stored if _is_unlike(version, name, declared))
    if not unlike:
        return ()
    for start in range(0, len(unlike), _AT_ONCE):
        chunk = unlike[start : start + _AT_ONCE]
        RestRecord.objects.for_tenant(ctx.tenant).filter(pk__in=chunk).update(version=None)
    rows_were = counted(len(unlike), "row was", "rows were")
    note = (
        f"{rows_were} stored under a version that cannot be compared with {name_of(declared)!r}, of another member or "
        "unit, or of more than a day ahead: what came now was taken."
    )
    return [note]


def _is_unlike(version: int | None, name: str | None, declared: Declaration) -> bool:
    """Whether a stored version is of another member or unit, or of a time that no source can have meant.

    A row of before names were kept (None) was ordered as its connection declared when they came.
    """
    if version is None:
        return False
    if name is not None and name != name_of(declared):
        return True
    return declared.updated_unit != "counter" and version > latest(datetime.now(UTC))
