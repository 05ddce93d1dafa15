"""`Upsert`: the destination that inserts new rows and updates known ones by one natural key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, connections, models, router, transaction

from ingestion.core.context import Context
from ingestion.core.destinations import Loaded, Stored
from ingestion.core.errors import ConfigurationError, FieldError
from ingestion.core.records import Ready, Rejected, Stage
from ingestion.loading import columns, faults, statements

_ENGINE_COLUMNS = ("tenant_id", "run_id", "digest", "loaded_at")
_QUERY_KEYS = 900
"""Keys a lookup names; older SQLite libraries take at most 999 parameters."""
KEY_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Upsert:
    """Load into `model`, a subclass of `Ingested`, whose one unique constraint is (tenant, *key).

    `version` names a column with the source's own time or version: an older record never overwrites a newer one.
    A transform may return a model instance or a mapping of field names to values (quicker by about a tenth).
    """

    model: type[models.Model]
    key: Sequence[str]
    version: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", tuple(self.key))

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        version = self.version or models.Value(None, models.IntegerField())
        rows = self._plan.select(ctx.tenant.id, keys, "digest", version)
        return {key: Stored(bytes(digest), version) for key, (digest, version) in rows}

    def empty(self, ctx: Context) -> bool:
        return not self._plan.rows(ctx.tenant.id).exists()

    def key_of(self, row: Any) -> str:
        if len(self.key) == 1:
            return str(_get(row, self.key[0]))
        return KEY_SEPARATOR.join(str(_get(row, name)) for name in self.key)

    def version_of(self, row: Any) -> Any:
        return _get(row, self.version) if self.version else None

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        plan = self._plan
        now = datetime.now(UTC)
        rejected: list[Rejected] = []
        adapted: list[tuple[Ready, list[Any]]] = []
        for one in rows:
            values = plan.adapt(one, (ctx.tenant.id, ctx.run_id, one.digest, now), now)
            if isinstance(values, Rejected):
                rejected.append(values)
            else:
                adapted.append((one, values))
        adapted = plan.only_known_references(ctx, adapted, rejected)
        loaded = plan.write(adapted, rejected)
        return Loaded(loaded, rejected)

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        rows = self._plan.select(ctx.tenant.id, keys, column)
        return sum((Decimal(value or 0) for _, (value,) in rows), Decimal())

    def problems(self) -> list[str]:
        from ingestion.models import Ingested

        if not issubclass(self.model, Ingested):
            return [f"{self.model.__name__} must be a subclass of ingestion.models.Ingested."]
        problems = []
        for name in (*self.key, *([self.version] if self.version else [])):
            try:
                self.model._meta.get_field(name)
            except FieldDoesNotExist:
                problems.append(f"{self.model.__name__} has no field {name!r}.")
        wanted = {"tenant", *self.key}
        if [set(fields) for fields in _unique_sets(self.model)] != [wanted]:
            problems.append(
                f"{self.model.__name__} needs exactly one unique constraint, over {', '.join(['tenant', *self.key])}: "
                "with a second one MariaDB may update the wrong row."
            )
        return problems

    @property
    def _plan(self) -> Plan:
        return _compile(self.model, tuple(self.key), self.version, router.db_for_write(self.model))


def _get(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, Mapping) else getattr(row, name)


def _unique_sets(model: type[models.Model]) -> Iterable[Sequence[str]]:
    for constraint in model._meta.total_unique_constraints:
        yield constraint.fields
    yield from model._meta.unique_together
    for field in model._meta.concrete_fields:
        if field.unique and not field.primary_key:
            yield (field.name,)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything about one model on one database that does not change between batches."""

    model: type[models.Model]
    alias: str
    getters: tuple[tuple[str, str, Callable[[Any], Any], Callable[[datetime], Any] | None, bool], ...]
    """(field name, attribute name, adapter, default or None, set by Django at saving) of every column the row provides."""
    engine_adapters: tuple[Callable[[Any], Any], ...]
    statement: statements.Statement
    key_fields: tuple[models.Field[Any, Any], ...]
    version: str
    references: tuple[tuple[int, models.ForeignKey[Any, Any]], ...]
    """(position among the values, field) of the foreign keys that the row provides."""

    def rows(self, tenant_id: int) -> models.QuerySet[Any]:
        return self.model.unscoped.using(self.alias).filter(tenant_id=tenant_id)  # type: ignore[attr-defined]

    def select(self, tenant_id: int, keys: Sequence[str], *wanted: Any) -> Iterator[tuple[str, Sequence[Any]]]:
        """Key and `wanted` columns of the rows under `keys`, each row once."""
        names = [field.attname for field in self.key_fields]
        asked = sorted({key for key in keys if key})
        for start in range(0, len(asked), _QUERY_KEYS):
            chunk = set(asked[start : start + _QUERY_KEYS])
            query = self.rows(tenant_id)
            parts = [part for part in (key.split(KEY_SEPARATOR) for key in chunk) if len(part) == len(names)]
            for index, field in enumerate(self.key_fields):
                convert = columns.from_text(field, connections[self.alias].vendor)
                query = query.filter(**{f"{field.name}__in": {convert(part[index]) for part in parts} - {None}})
            for row in query.values_list(*names, *wanted):
                key = KEY_SEPARATOR.join(map(str, row[: len(names)]))
                if key in chunk:  # a composite key's columns were asked for one by one, which finds more
                    yield key, row[len(names) :]

    def adapt(self, one: Ready, engine: tuple[Any, ...], now: datetime) -> list[Any] | Rejected:
        row = one.row
        instance = row.__dict__ if isinstance(row, self.model) else None
        if instance is None and not isinstance(row, Mapping):
            raise ConfigurationError(f"A transform for {self.model.__name__} returned a {type(row).__name__}.")
        values = [adapt(value) for adapt, value in zip(self.engine_adapters, engine, strict=True)]
        faults_found: list[FieldError] = []
        for name, attname, adapt, default, stamped in self.getters:
            try:
                if instance is not None:
                    value = instance.get(attname)
                elif name in row:
                    value = row[name]
                else:
                    value = row[attname] if attname in row else default and default(now)
                if value is None and stamped:
                    value = default and default(now)
                values.append(adapt(value))
            except columns.CONVERSION_ERRORS as error:
                faults_found.append(FieldError(name, *columns.explain(error)))
        if faults_found:
            return Rejected(one.record, Stage.TRANSFORM, "ColumnFault", tuple(faults_found))
        return values

    def only_known_references(
        self, ctx: Context, adapted: list[tuple[Ready, list[Any]]], rejected: list[Rejected]
    ) -> list[tuple[Ready, list[Any]]]:
        """Reject rows that point at nothing or at another tenant's row.

        PostgreSQL and SQLite check foreign keys only at commit, where the guilty row could no longer be told, and no database
        checks the tenant.
        """
        for position, field in self.references:
            wanted = {values[position] for _, values in adapted} - {None}
            known = self._known(ctx, field, wanted)
            for one, values in adapted:
                if values[position] is not None and values[position] not in known:
                    fault = FieldError(field.name, "foreign_key", f"There is no {field.name} {values[position]} here.")
                    rejected.append(Rejected(one.record, Stage.LOAD, "IntegrityError", (fault,)))
            adapted = [
                (one, values) for one, values in adapted if values[position] is None or values[position] in known
            ]
        return adapted

    def _known(self, ctx: Context, field: models.ForeignKey[Any, Any], wanted: set[Any]) -> set[Any]:
        related: Any = field.related_model
        query = related._base_manager.using(self.alias)
        if any(other.name == "tenant" for other in related._meta.concrete_fields):
            query = query.filter(tenant_id=ctx.tenant.id)
        name = field.target_field.attname
        keys = list(wanted)
        known: set[Any] = set()
        for start in range(0, len(keys), _QUERY_KEYS):
            known.update(
                query.filter(**{f"{name}__in": keys[start : start + _QUERY_KEYS]}).values_list(name, flat=True)
            )
        return known

    def write(self, adapted: list[tuple[Ready, list[Any]]], rejected: list[Rejected]) -> list[Ready]:
        """Upsert; when the database refuses a value or constraint, halve until the guilty rows stand alone."""
        if not adapted:
            return []
        connection = connections[self.alias]
        try:
            with transaction.atomic(using=self.alias), connection.cursor() as cursor:
                self.statement.write(cursor, [values for _, values in adapted])
        except DatabaseError as error:
            if not faults.is_record_fault(error):
                raise
            if len(adapted) == 1:
                fault = FieldError("", type(error).__name__, str(error.args[-1] if error.args else error))
                rejected.append(Rejected(adapted[0][0].record, Stage.LOAD, type(error).__name__, (fault,)))
                return []
            middle = len(adapted) // 2
            return self.write(adapted[:middle], rejected) + self.write(adapted[middle:], rejected)
        return [one for one, _ in adapted]


@lru_cache(maxsize=256)
def _compile(model: type[models.Model], key: tuple[str, ...], version: str, alias: str) -> Plan:
    connection = connections[alias]
    meta = model._meta
    key_fields = tuple(meta.get_field(name) for name in key)
    engine = [meta.get_field(name.removesuffix("_id")) for name in _ENGINE_COLUMNS]
    provided = [f for f in meta.concrete_fields if not f.generated and f not in engine and not _is_surrogate(f)]
    fields = [*engine, *provided]
    fixed = {"tenant_id", *(str(field.column) for field in key_fields)}
    updates = [str(f.column) for f in fields if f.column not in fixed and not f.primary_key and not _set_once(f)]
    return Plan(
        model=model,
        alias=alias,
        getters=tuple(
            (f.name, f.attname, columns.adapter(f, connection, is_key=f in key_fields), _default(f), _is_stamp(f))
            for f in provided
        ),
        engine_adapters=tuple(columns.adapter(f, connection) for f in engine),
        statement=statements.compile_upsert(
            connection,
            meta.db_table,
            fields,
            ["tenant_id", *(str(field.column) for field in key_fields)],
            updates,
            str(meta.get_field(version).column) if version else "",
        ),
        key_fields=key_fields,
        version=version,
        references=tuple(
            (position, field) for position, field in enumerate(fields)
            if isinstance(field, models.ForeignKey) and field not in engine
        ),
    )  # fmt: skip


def _is_surrogate(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.AutoField)


def _set_once(field: models.Field[Any, Any]) -> bool:
    return bool(getattr(field, "auto_now_add", False))


def _is_stamp(field: models.Field[Any, Any]) -> bool:
    return bool(getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False))


def _default(field: models.Field[Any, Any]) -> Callable[[datetime], Any] | None:
    """How a missing value is made, as `Model(...)` and `save()` would; None where there is no default."""
    if _is_stamp(field):
        return (lambda now: now) if isinstance(field, models.DateTimeField) else (lambda now: now.date())
    if field.has_default() or (field.empty_strings_allowed and not field.null):
        return lambda now: field.get_default()
    return None
