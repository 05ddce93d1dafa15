"""`Upsert`: the destination that inserts new rows and updates known ones by one natural key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, Generic, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import models, router

from ingestion.core.context import Context
from ingestion.core.declarations import require
from ingestion.core.destinations import Loaded, Stored, Written
from ingestion.core.errors import ConfigurationError
from ingestion.core.periods import Figure, Periods
from ingestion.core.records import Ready, Rejected
from ingestion.core.text import counted
from ingestion.core.windows import Window
from ingestion.loading import periods as closed
from ingestion.loading.plans import Plan, compile_plan, joined_key

M = TypeVar("M", bound=models.Model)

_ORDERED = (models.DateField, models.DecimalField, models.FloatField, models.IntegerField)
"""Fields that can hold versions; a DateTimeField is a DateField."""
_AHEAD = timedelta(days=1)
"""Longer than clocks and zones are wrong by."""


@dataclass(frozen=True, slots=True)
class Upsert(Generic[M]):
    """Load into `model`, a subclass of `Ingested`, whose one unique constraint is (tenant, *key).

    `version` names a column of the source's own times or numbers: an older record never overwrites a newer one, and one
    without a version overwrites none that has one.
    A transform may return a model instance or a mapping of field names to values (quicker by about a tenth).
    """

    model: type[M]
    """A subclass of `Ingested`."""
    key: Sequence[str]
    """The fields that are unique together with the tenant, such as ["external_id"]."""
    version: str = ""
    """A field with the source's own time or number: an older record never overwrites a newer one. '' without one."""
    nul: str = "refuse"
    """A text with NUL (U+0000), which PostgreSQL cannot store: "refuse" makes it a dead letter there, "replace" loads
    it on every database with U+FFFD in its place. In a key it is refused, or two ids would become one.
    """

    def __post_init__(self) -> None:
        model: object = self.model
        good = isinstance(model, type) and issubclass(model, models.Model)
        require(good, "The model of an Upsert", model, "a class of Django's models, such as Payment")
        at = f" of Upsert({self.model.__name__})"
        named = isinstance(self.key, list | tuple) and all(isinstance(name, str) and name for name in self.key)
        require(bool(named and self.key), "key" + at, self.key, 'a list of field names, such as ["external_id"]')
        require(isinstance(self.version, str), "version" + at, self.version, "the name of a field, or left out")
        for name in (*self.key, *filter(None, [self.version])):
            _require_field(self.model, name)
        if self.version:
            _require_order(self.model._meta.get_field(self.version))
        if self.nul not in ("refuse", "replace"):
            raise ConfigurationError(f'Upsert takes nul="refuse" or nul="replace", not {self.nul!r}.')
        object.__setattr__(self, "key", tuple(self.key))

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        plan, tenant = self._plan, ctx.tenant.id
        if not self.version and len(self.key) == 1:  # most tables; at a third of the cost of what follows
            rows = chain.from_iterable(plan.among(tenant, chunk, "digest") for chunk in plan.chunks(keys))
            return {str(key): Stored(bytes(digest)) for key, digest in rows}
        wanted = ("digest", self.version) if self.version else ("digest",)
        known = plan.select(tenant, keys, *wanted)
        return {key: Stored(bytes(digest), *version) for key, (digest, *version) in known}

    def columns(self, ctx: Context, keys: Sequence[str], *wanted: str) -> Iterator[tuple[str, Sequence[Any]]]:
        """Key and `wanted` columns of the tenant's rows under `keys`."""
        return self._plan.select(ctx.tenant.id, keys, *wanted)

    def written(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Written]:
        rows = self._plan.select(ctx.tenant.id, keys, "loaded_at", "run_id")
        return {key: Written(*row) for key, row in rows}

    def empty(self, ctx: Context) -> bool:
        return not self._plan.rows(ctx.tenant.id).exists()

    def key_of(self, row: M | Mapping[str, Any]) -> str:
        parts = [_get(row, name) for name in self.key]
        if None in parts:  # rows without a key would take each other for one
            raise ValueError(f"{self.key[parts.index(None)]} is None, and a part of its key")
        return str(parts[0]) if len(parts) == 1 else joined_key(parts)

    @property
    def versioned(self) -> bool:
        return bool(self.version)

    def version_of(self, row: M | Mapping[str, Any]) -> Any:
        return _get(row, self.version) if self.version else None

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        return self._write(ctx, rows, new=False)

    def insert(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        return self._write(ctx, rows, new=True)

    def _write(self, ctx: Context, rows: Sequence[Ready], *, new: bool) -> Loaded:
        plan = self._plan
        now = datetime.now(UTC)
        rejected: list[Rejected] = []
        batch = plan.adapt(rows, now, rejected)
        batch = plan.only_known_references(ctx, batch, rejected)
        engine = (ctx.tenant.id, ctx.run_id, now)
        loaded = plan.write(batch, engine, rejected, new=new, again=ctx.loads_again)
        return Loaded(loaded, rejected, self._far_ahead(loaded, now + _AHEAD))

    def _far_ahead(self, rows: Sequence[Ready], latest: datetime) -> Sequence[str]:
        """A note on rows whose version is a time or day after `latest`: until then no version of them will be newer."""
        field = self.model._meta.get_field(self.version) if self.version else None
        if not isinstance(field, models.DateField):
            return ()
        last = latest if isinstance(field, models.DateTimeField) else latest.date()
        moments = ((row.record.key, self.version_of(row.row)) for row in rows)
        ahead = [(key, at) for key, at in moments if isinstance(at, type(last)) and at > last]
        if not ahead:
            return ()
        key, at = ahead[0]
        example = f"{key}: {at:%Y-%m-%d}" + (", for one" if len(ahead) > 1 else "")
        rows_ahead = (
            f"{counted(len(ahead), 'row is', 'rows are')} more than a day ahead by {self.version!r} ({example})"
        )
        return [f"{rows_ahead}: until then whatever comes for the same key is older. Have the source mend the time."]

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        rows = self._plan.select(ctx.tenant.id, keys, column)
        return sum((Decimal(value or 0) for _, (value,) in rows), Decimal())

    def figures(self, ctx: Context, periods: Periods, window: Window) -> Mapping[str, Figure]:
        return closed.figures(self._plan, ctx, periods, window)

    def amounts(
        self, ctx: Context, periods: Periods, window: Window, group: str, keys: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Decimal]]:
        return closed.amounts(self._plan, ctx, periods, window, group, keys)

    def problems(self) -> list[str]:
        from ingestion.models import Ingested

        if not issubclass(self.model, Ingested):
            return [f"{self.model.__name__} must be a subclass of ingestion.models.Ingested."]
        problems = [*_bad_columns(self.model, self.key)]
        wanted = {"tenant", *self.key}
        if [set(fields) for fields in _unique_sets(self.model)] != [wanted]:
            problems.append(
                f"{self.model.__name__} needs exactly one unique constraint, over {', '.join(['tenant', *self.key])}: "
                "with a second one MariaDB may update the wrong row."
            )
        return problems

    @property
    def _plan(self) -> Plan:
        """Raises ConfigurationError where rows and checkpoint could not commit together."""
        from ingestion.models import Run

        alias, of_runs = router.db_for_write(self.model), router.db_for_write(Run)
        if alias != of_runs:
            raise ConfigurationError(
                f"{self.model.__name__} is in the database {alias!r} and runs are in {of_runs!r}: keep canonical "
                "tables in the engine's database, where one transaction holds rows and checkpoint."
            )
        return compile_plan(self.model, tuple(self.key), self.version, alias, self.nul)


def _require_field(model: type[models.Model], name: str) -> None:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        names = ", ".join(field.name for field in model._meta.concrete_fields)
        raise ConfigurationError(f"{model.__name__} has no field {name!r}; it has {names}.") from None


def _require_order(field: Any) -> None:
    """Only what grows with every version can say which one is newer: of texts "10" is less than "9"."""
    if not isinstance(field, _ORDERED):
        at = f"{field.model.__name__}.{field.name}"
        raise ConfigurationError(
            f"version={field.name!r}: {at} is a {type(field).__name__}, which cannot tell which of two is newer. "
            "Keep the source's time or number in a DateTimeField, BigIntegerField or DecimalField and name that one."
        )


def _get(row: Any, name: str) -> Any:
    if type(row) is dict:  # what most transforms return; asking the abstract Mapping takes ten times as long
        return row.get(name)
    return row.get(name) if isinstance(row, Mapping) else getattr(row, name)


def _bad_columns(model: type[models.Model], key: Sequence[str]) -> Iterable[str]:
    from ingestion.models import ExternalIdField

    for field in model._meta.concrete_fields:
        if field.name in key and isinstance(field, models.CharField) and not isinstance(field, ExternalIdField):
            yield (
                f"{model.__name__}.{field.name} is a key and must be an ExternalIdField: MariaDB's default collations "
                "take ids that differ in case only for the same row."
            )
        if field.db_default is not models.NOT_PROVIDED:
            yield f"{model.__name__}.{field.name} has a db_default, which the loader cannot use; give it a default."


def _unique_sets(model: type[models.Model]) -> Iterable[Sequence[str]]:
    for constraint in model._meta.total_unique_constraints:
        yield constraint.fields
    yield from model._meta.unique_together
    for field in model._meta.concrete_fields:
        if field.unique and not field.primary_key:
            yield (field.name,)
