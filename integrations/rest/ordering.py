"""Decides which stored versions can be compared with arriving ones: those of the same member and unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ingestion import Context, Stored, Upsert, counted
from integrations.rest.declaration import Declaration
from integrations.rest.models import RestRecord
from integrations.rest.versions import latest_accepted

_CHUNK = 500
"""Rows that one statement changes; older SQLite libraries take 999 parameters."""


def ordering_name(declaration: Declaration) -> str:
    """The value of `ordered_by` for rows under this declaration: the version's member, and its unit."""
    return f"{declaration.updated} {declaration.updated_unit}".rstrip() if declaration.updated else ""


def comparable_state(declaration: Declaration, digest: bytes, version: int | None, name: str | None) -> Stored:
    """The stored digest and version of a row, without a version that cannot be compared with arriving ones."""
    return Stored(bytes(digest), None if _is_incomparable(version, name, declaration) else version)


def forget_incomparable(
    ctx: Context, table: Upsert[Any], keys: Sequence[str], declaration: Declaration
) -> Sequence[str]:
    """Delete versions of the rows under `keys` that cannot be compared, before the rows are overwritten.

    The result has a note about them. It runs within the batch's transaction.
    """
    stored = table.columns(ctx, keys, "pk", "version", "ordered_by")
    incomparable = sorted(pk for _, (pk, version, name) in stored if _is_incomparable(version, name, declaration))
    if not incomparable:
        return ()
    for start in range(0, len(incomparable), _CHUNK):
        chunk = incomparable[start : start + _CHUNK]
        RestRecord.objects.for_tenant(ctx.tenant).filter(pk__in=chunk).update(version=None)
    rows_were = counted(len(incomparable), "row was", "rows were")
    note = (
        f"{rows_were} stored under a version that cannot be compared with {ordering_name(declaration)!r}, "
        "of another member or unit, or of more than a day ahead: what came now was taken."
    )
    return [note]


def _is_incomparable(version: int | None, name: str | None, declaration: Declaration) -> bool:
    """Whether a stored version is of another member or unit, or of a time so far ahead that it must be wrong.

    A row without a stored name (None) is older than the column; its member is taken to be the declared one.
    """
    if version is None:
        return False
    if name is not None and name != ordering_name(declaration):
        return True
    return declaration.updated_unit != "counter" and version > latest_accepted(datetime.now(UTC))
