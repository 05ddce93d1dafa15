"""Loads rows into the generic table, each under the name of its connection."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ingestion import Context, Loaded, Ready, Rejected, Stored, Upsert
from integrations.rest import config, ordering
from integrations.rest.declaration import Declaration
from integrations.rest.models import RestRecord

_NUL = (
    "The text holds NUL (U+0000), which PostgreSQL cannot store. Ask the source to send none; a pipeline in code may "
    'load it with Upsert(…, nul="replace").'
)
_ROWS = Upsert(RestRecord, key=["source", "external_id"], version="version")
_UNVERSIONED_ROWS = Upsert(RestRecord, key=["source", "external_id"])
"""For a declaration without `updated`: versions stored under an earlier declaration must not win over new rows."""


@dataclass(frozen=True, slots=True)
class RestTable:
    """The generic table. A record's key is the source's own id; a row's key has the connection's name too."""

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        record_keys = {_row_key(ctx, key): key for key in keys if key}
        declaration = _declaration(ctx)
        if not declaration.updated:
            return {record_keys[key]: row for key, row in _UNVERSIONED_ROWS.stored(ctx, list(record_keys)).items()}
        rows = _ROWS.columns(ctx, list(record_keys), "digest", "version", "ordered_by")
        return {record_keys[key]: ordering.comparable_state(declaration, *row) for key, row in rows}

    def empty(self, ctx: Context) -> bool:
        return _ROWS.empty(ctx)

    def key_of(self, row: Mapping[str, Any]) -> str:
        return str(row["external_id"])

    @property
    def versioned(self) -> bool:
        return _ROWS.versioned

    def version_of(self, row: Mapping[str, Any]) -> Any:
        return row["version"]

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        declaration = _declaration(ctx)
        if declaration.updated:
            notes = ordering.forget_incomparable(ctx, _ROWS, [_ROWS.key_of(ready.row) for ready in rows], declaration)
            loaded = _ROWS.load(ctx, rows)
        else:
            notes, loaded = (), _UNVERSIONED_ROWS.load(ctx, rows)
        rejected = [_with_advice(bad) for bad in loaded.rejected]
        return dataclasses.replace(loaded, rejected=rejected, notes=[*loaded.notes, *notes])

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return _ROWS.total(ctx, column, [_row_key(ctx, key) for key in keys])

    def problems(self) -> list[str]:
        return _ROWS.problems()


def _with_advice(rejected: Rejected) -> Rejected:
    """The rejected row with advice for staff who declared an API without code."""
    errors = tuple(
        dataclasses.replace(error, message=_NUL) if error.code == "nul" else error for error in rejected.errors
    )
    return rejected._replace(errors=errors)


def _declaration(ctx: Context) -> Declaration:
    """The connection's current declaration; stored rows may come from an earlier one."""
    return config.declaration_in(Declaration, ctx.config)


def _row_key(ctx: Context, key: str) -> str:
    return _ROWS.key_of({"source": ctx.connection, "external_id": key})
