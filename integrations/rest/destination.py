"""Rows of the generic table, each under the name of the connection that brought it."""

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
_UNDATED = Upsert(RestRecord, key=["source", "external_id"])
"""Rows of a declaration without `updated`: versions that were stored under an earlier one would outlive them all."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Loads mappings of columns. A record's key is the source's own id; a row's key has the connection's name too."""

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        short = {_key(ctx, key): key for key in keys if key}
        declared = _declared(ctx)
        if not declared.updated:
            return {short[key]: row for key, row in _UNDATED.stored(ctx, list(short)).items()}
        rows = _ROWS.columns(ctx, list(short), "digest", "version", "ordered_by")
        return {short[key]: ordering.compared(declared, *row) for key, row in rows}

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
        declared = _declared(ctx)
        if declared.updated:
            notes = ordering.let_go(ctx, _ROWS, [_ROWS.key_of(one.row) for one in rows], declared)
            loaded = _ROWS.load(ctx, rows)
        else:
            notes, loaded = (), _UNDATED.load(ctx, rows)
        rejected = [_advised(bad) for bad in loaded.rejected]
        return dataclasses.replace(loaded, rejected=rejected, notes=[*loaded.notes, *notes])

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return _ROWS.total(ctx, column, [_key(ctx, key) for key in keys])

    def problems(self) -> list[str]:
        return _ROWS.problems()


def _advised(bad: Rejected) -> Rejected:
    """`bad` with advice that whoever declared an API without code can follow."""
    errors = tuple(dataclasses.replace(error, message=_NUL) if error.code == "nul" else error for error in bad.errors)
    return bad._replace(errors=errors)


def _declared(ctx: Context) -> Declaration:
    """As it is now; the rows may have been written under an earlier one."""
    return config.declared(Declaration, ctx.config)


def _key(ctx: Context, key: str) -> str:
    return _ROWS.key_of({"source": ctx.connection, "external_id": key})
