"""A plan: everything about loading into one model on one database that does not change between batches.

Rows are handled column by column: one tight loop for each column costs a third of a loop over columns for each row
(measured), and it suits the arrays of PostgreSQL and the search for refused rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import compress
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, models, transaction

from ingestion.core.context import Context
from ingestion.core.destinations import AlreadyStored, RowRefused
from ingestion.core.errors import FieldError
from ingestion.core.records import Ready, Rejected, Stage
from ingestion.database import errors, statements
from ingestion.database.converters import Adapter, adapter, from_text
from ingestion.database.lookups import OneOf
from ingestion.database.parameters import Column, column
from ingestion.database.unfit import CONVERSION_ERRORS, ColumnFault, explain
from ingestion.loading.rows import fields_of

KEY_SEPARATOR = "\x1f"
QUERY_KEYS = 2000
"""Keys one look-up names where the database takes so many; one query a page is a quarter cheaper than three."""
_CONSTANTS = ("tenant", "run", "loaded_at")
"""Columns with one value for a whole batch: it is bound once and not sent with each row."""


def joined_key(parts: Iterable[object]) -> str:
    """A key of several columns as one text, as destinations look it up."""
    return KEY_SEPARATOR.join(map(str, parts))


@dataclass(frozen=True, slots=True)
class Batch:
    """Adapted rows: `columns[i][n]` belongs to `rows[n]`; the first column is the digest."""

    rows: Sequence[Ready]
    columns: Sequence[Sequence[Any]]

    def keep(self, selectors: Sequence[bool]) -> Batch:
        return Batch(
            list(compress(self.rows, selectors)), [list(compress(column, selectors)) for column in self.columns]
        )

    def part(self, start: int, end: int) -> Batch:
        return Batch(self.rows[start:end], [column[start:end] for column in self.columns])


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows become columns, columns parameters, and parameters rows in the table."""

    model: type[models.Model]
    alias: str
    columns: tuple[Column, ...]
    constants: tuple[Adapter, ...]
    statement: statements.Statement
    insertion: statements.Statement
    """As `statement`, but the database refuses rows that exist already."""
    key_fields: tuple[models.Field[Any, Any], ...]
    version: str
    names: frozenset[str]
    """Names that a mapping may use: the model's fields, foreign keys also by their columns."""
    references: tuple[tuple[int, models.ForeignKey[Any, Any]], ...]
    """(position among a batch's columns, field) of the foreign keys that the row provides."""

    def rows(self, tenant_id: int) -> models.QuerySet[Any]:
        model: Any = self.model
        rows: models.QuerySet[Any] = model.unscoped.using(self.alias).filter(tenant_id=tenant_id)
        return rows

    def select(self, tenant_id: int, keys: Sequence[str], *columns: Any) -> Iterator[tuple[str, Sequence[Any]]]:
        """Key and `columns` columns of the rows under `keys`, each row once."""
        width = len(self.key_fields)
        for chunk in self.chunks(keys):
            requested = set(chunk)
            for row in self.rows_among(tenant_id, chunk, *columns):
                key = str(row[0]) if width == 1 else KEY_SEPARATOR.join(map(str, row[:width]))
                if key in requested:  # the columns of a composite key are matched separately, which finds more rows
                    yield key, row[width:]

    def chunks(self, keys: Sequence[str]) -> Iterator[Sequence[str]]:
        """`keys` without duplicates, in chunks that one query takes."""
        sought = sorted({key for key in keys if key})
        at_once = self._keys_at_once(len(self.key_fields))
        return (sought[start : start + at_once] for start in range(0, len(sought), at_once))

    def rows_among(self, tenant_id: int, chunk: Sequence[str], *columns: Any) -> models.QuerySet[Any, Any]:
        """Key columns and `columns` columns of at least the rows under `chunk`."""
        width = len(self.key_fields)
        parts = [part for part in (key.split(KEY_SEPARATOR) for key in chunk) if len(part) == width]
        query = self.rows(tenant_id)
        for index, field in enumerate(self.key_fields):
            query = query.filter(self._one_of(field, {part[index] for part in parts}))
        # The model's own ordering would tempt SQLite to walk all of the tenant's rows instead of the key's index.
        return query.order_by().values_list(*(field.attname for field in self.key_fields), *columns)

    def _keys_at_once(self, width: int = 1) -> int:
        """How many keys of `width` columns one query may name; older SQLite libraries take 999 parameters in all."""
        most = connections[self.alias].features.max_query_params
        return min(QUERY_KEYS, (most - 9) // width) if most else QUERY_KEYS

    def _one_of(self, field: models.Field[Any, Any], texts: Iterable[str]) -> Any:
        """The condition that `field` is one of `texts`."""
        values = set(map(from_text(field, connections[self.alias].vendor), texts)) - {None}
        if values and isinstance(field, models.CharField | models.TextField):
            return OneOf(models.F(field.name), sorted(values))
        return models.Q(**{f"{field.name}__in": values})

    def adapt(self, rows: Sequence[Ready], now: datetime, rejected: list[Rejected]) -> Batch:
        """`rows` as columns; a row with values that do not fit is added to `rejected` with all of its faults."""
        rows, fields = fields_of(self.model, self.names, rows, rejected)
        faults: dict[int, list[FieldError]] = {}
        adapted: list[list[Any]] = [[row.digest for row in rows]]
        for row_column in self.columns:
            try:
                adapted.append(row_column.adapt(fields, now))
            except CONVERSION_ERRORS:
                adapted.append(_adapt_row_by_row(row_column, fields, now, faults))
        batch = Batch(rows, adapted)
        if not faults:
            return batch
        rejected += (
            Rejected(rows[index].record, Stage.TRANSFORM, "ColumnFault", tuple(faults[index]))
            for index in sorted(faults)
        )
        return batch.keep([index not in faults for index in range(len(rows))])

    def reject_missing_references(self, ctx: Context, batch: Batch, rejected: list[Rejected]) -> Batch:
        """Reject rows whose foreign key has no target, or a target of another tenant.

        PostgreSQL and SQLite check foreign keys only at commit, when the wrong row can no longer be found, and no
        database checks the tenant.
        """
        for position, field in self.references:
            targets = batch.columns[position]
            convert = adapter(field, connections[self.alias])
            existing = {convert(target) for target in self._existing_targets(ctx, field, set(targets) - {None})} | {
                None
            }
            for ready, target in zip(batch.rows, targets, strict=True):
                if target not in existing:
                    fault = FieldError(field.name, "foreign_key", f"There is no {field.name} {target} here.")
                    rejected.append(Rejected(ready.record, Stage.LOAD, "IntegrityError", (fault,)))
            batch = batch.keep([target in existing for target in targets])
        return batch

    def _existing_targets(self, ctx: Context, field: models.ForeignKey[Any, Any], targets: set[Any]) -> set[Any]:
        related: Any = field.related_model
        query = related._base_manager.using(self.alias)
        if any(related_field.name == "tenant" for related_field in related._meta.concrete_fields):
            query = query.filter(tenant_id=ctx.tenant.id)
        name = field.target_field.attname
        keys = list(targets)
        existing: set[Any] = set()
        at_once = self._keys_at_once()
        for start in range(0, len(keys), at_once):
            part = keys[start : start + at_once]
            existing.update(query.filter(**{f"{name}__in": part}).values_list(name, flat=True))
        return existing

    @property
    def _refusal_ends_transaction(self) -> bool:
        """Whether a refused statement ends the whole transaction.

        On other databases the transaction continues, and rows written before the refused one are written again with the
        same values. On SQLite a savepoint costs as much as a third of the whole load (measured).
        """
        return connections[self.alias].vendor == "postgresql"

    def write(
        self,
        batch: Batch,
        engine: Sequence[Any],
        rejected: list[Rejected],
        *,
        new: bool = False,
        again: bool = False,
    ) -> list[Ready]:
        """Upsert; when the database refuses a value or constraint, halve the batch until the refused rows stand alone.

        Rows that should be `new` are only inserted. Raises AlreadyStored when one of them is not new. Where the
        whole batch is loaded `again`, the engine's database needs no savepoint, and RowRefused is raised instead.
        """
        if not batch.rows:
            return []
        constants = [adapt(value) for adapt, value in zip(self.constants, engine, strict=True)]
        without_savepoint = not self._refusal_ends_transaction or (again and self.alias == DEFAULT_DB_ALIAS)
        savepoint = nullcontext() if without_savepoint else transaction.atomic(using=self.alias)
        try:
            with savepoint, connections[self.alias].cursor() as cursor:
                (self.insertion if new else self.statement).write(cursor, constants, batch.columns)
        except DatabaseError as error:
            if connections[
                self.alias
            ].needs_rollback:  # the savepoint could not be rolled back: no further statement can be executed
                raise InterfaceError("The connection was lost while a refused statement was undone.") from error
            if not errors.is_record_fault(error):
                raise
            if new and errors.is_duplicate(error):
                raise AlreadyStored from error
            if without_savepoint and self._refusal_ends_transaction:
                raise RowRefused from error
            if len(batch.rows) == 1:
                fault = FieldError("", type(error).__name__, errors.message(error))
                rejected.append(Rejected(batch.rows[0].record, Stage.LOAD, type(error).__name__, (fault,)))
                return []
            middle, end = len(batch.rows) // 2, len(batch.rows)
            first = self.write(batch.part(0, middle), engine, rejected, new=new)
            return first + self.write(batch.part(middle, end), engine, rejected, new=new)
        return list(batch.rows)


def _adapt_row_by_row(
    column: Column, rows: Sequence[Mapping[str, Any]], now: datetime, faults: dict[int, list[FieldError]]
) -> list[Any]:
    """The column's parameters, row by row; rows that do not fit are added to `faults` and get None."""
    values: list[Any] = []
    for index, row in enumerate(rows):
        try:
            values += column.adapt([row], now)
        except CONVERSION_ERRORS as error:
            inside = error.path if isinstance(error, ColumnFault) else ""
            faults.setdefault(index, []).append(FieldError(f"{column.name}.{inside}".rstrip("."), *explain(error)))
            values.append(None)
    return values


@lru_cache(maxsize=256)
def compile_plan(
    model: type[models.Model], key: tuple[str, ...], version: str, alias: str, nul: str = "refuse"
) -> Plan:
    connection = connections[alias]
    meta = model._meta
    key_fields = tuple(_field(model, name) for name in key)
    constant = [_field(model, name) for name in _CONSTANTS]
    digest = _field(model, "digest")
    provided = [
        f
        for f in meta.concrete_fields
        if not f.generated and f not in constant and f != digest and not isinstance(f, models.AutoField)
    ]
    sent = [digest, *provided]
    keys = ["tenant_id", *(str(field.column) for field in key_fields)]
    changing = [f for f in [*constant, *sent] if not f.primary_key and not getattr(f, "auto_now_add", False)]
    updates = [column for column in (str(f.column) for f in changing) if column not in keys]
    version_column = str(_field(model, version).column) if version else ""
    into = statements.Target(meta.db_table, constant, sent, keys, updates, version_column)
    return Plan(
        model=model,
        alias=alias,
        columns=tuple(column(f, connection, is_key=f in key_fields, nul=nul) for f in provided),
        constants=tuple(adapter(f, connection) for f in constant),
        statement=statements.compile_upsert(connection, into),
        insertion=statements.compile_upsert(connection, replace(into, updates=(), version="")),
        key_fields=key_fields,
        version=version,
        names=frozenset(name for f in meta.concrete_fields for name in (f.name, f.attname)),
        references=tuple((at, f) for at, f in enumerate(sent) if isinstance(f, models.ForeignKey)),
    )


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, models.Field)
    return field
