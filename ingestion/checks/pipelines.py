"""Are the declared pipelines sound?"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error, Tags
from django.core.exceptions import FieldDoesNotExist
from django.db import router

from ingestion.checks.guarding import attempt, check
from ingestion.core import capabilities, registry
from ingestion.core.destinations import Versioned
from ingestion.core.ingestion_modes import brought
from ingestion.core.periods import Countable, Reconcilable
from ingestion.core.pipeline import Pipeline


@check()
def check_pipelines(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for pipeline in registry.registered():
        messages += attempt(functools.partial(problems, pipeline), f"pipeline {pipeline.name}")
    return messages


@check(Tags.database)
def check_sources(
    app_configs: Sequence[Any] | None = None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asks the databases that are checked, for tables and columns; without any, only what settings say."""
    messages: list[CheckMessage] = []
    for pipeline in registry.registered():
        messages += attempt(functools.partial(_source, pipeline, databases or ()), f"the source of {pipeline.name}")
    return messages


def _source(pipeline: Pipeline, databases: Sequence[str]) -> Iterator[CheckMessage]:
    """A warning: where the project is only built or tested, the other system may not be there, and before the first
    migrate no table is.
    """
    source = pipeline.source
    for problem in source.problems(databases) if isinstance(source, capabilities.ChecksDeclaration) else ():
        hint = "Mend the source= of the declaration, or the settings that it names; its runs would fail."
        yield checks.Warning(problem, hint=hint, obj=_where(pipeline), id="ingestion.W018")


def problems(pipeline: Pipeline) -> list[CheckMessage]:
    parts = (_destination, _reconciliations, _database, _order, _misspelt)
    return [message for part in parts for message in part(pipeline)]


def _destination(pipeline: Pipeline) -> Iterator[CheckMessage]:
    for problem in pipeline.destination.problems():
        hint = "Mend the destination= of the declaration, or its model."
        yield Error(problem, hint=hint, obj=_where(pipeline), id="ingestion.E007")


def _reconciliations(pipeline: Pipeline) -> Iterator[CheckMessage]:
    hint = "Name each control total once, and sum columns that the destination's model has."
    names = [check.name for check in pipeline.reconciliations]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Error(
            f"It declares the control total {name!r} twice.", hint=hint, obj=_where(pipeline), id="ingestion.E009"
        )
    model = getattr(pipeline.destination, "model", None)
    for total in pipeline.reconciliations:
        column = getattr(total, "column", None)
        if model is None or column is None:
            continue
        try:
            model._meta.get_field(column)
        except FieldDoesNotExist:
            problem = f"It sums {column!r}, which {model.__name__} does not have."
            yield Error(problem, hint=hint, obj=_where(pipeline), id="ingestion.E009")
    yield from _periods(pipeline, model)


def _periods(pipeline: Pipeline, model: Any) -> Iterator[CheckMessage]:
    if pipeline.periods is None:
        return
    hint = "What periods= needs: https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/reconcile.md"
    if not isinstance(pipeline.source, Reconcilable):
        problem = "It declares periods, but its source has no figures(ctx, window)."
        yield Error(problem, hint=hint, obj=_where(pipeline), id="ingestion.E009")
    if not isinstance(pipeline.destination, Countable):
        problem = "It declares periods, but its destination has no figures(…) and amounts(…), as Upsert has."
        yield Error(problem, hint=hint, obj=_where(pipeline), id="ingestion.E009")
    names = (
        {field.name for field in model._meta.concrete_fields} if model is not None else set(pipeline.periods.columns)
    )
    for column in pipeline.periods.columns:
        if column not in names:
            problem = f"Its periods name {column!r}, which {model.__name__} does not have."
            yield Error(problem, hint=hint, obj=_where(pipeline), id="ingestion.E009")


def _database(pipeline: Pipeline) -> Iterator[CheckMessage]:
    from ingestion.models import Run

    model = getattr(pipeline.destination, "model", None)
    if model is not None and router.db_for_write(model) != router.db_for_write(Run):
        yield Error(
            f"{model.__name__} is in another database than the runs: a crash could load a batch twice, or lose one.",
            hint="Keep canonical tables in the engine's database, where one transaction holds rows and checkpoint.",
            obj=_where(pipeline),
            id="ingestion.E008",
        )


def _order(pipeline: Pipeline) -> Iterator[CheckMessage]:
    """Warn about destinations that declare rows without versions; those that declare nothing are left alone."""
    destination = pipeline.destination
    if brought(pipeline) and isinstance(destination, Versioned) and not destination.versioned:
        yield checks.Warning(
            "Its records are brought, in no certain order, and its destination has no version column: an older message "
            "that arrives later overwrites a newer row.",
            hint='Name the column with the source\'s own time or number: Upsert(…, version="updated_at").',
            obj=_where(pipeline),
            id="ingestion.W014",
        )


def _misspelt(pipeline: Pipeline) -> Iterator[CheckMessage]:
    for name, meant in capabilities.misspelt(pipeline.source):
        yield checks.Warning(
            f"{type(pipeline.source).__name__}.{name} is asked for by nobody. Did you mean {meant}?",
            hint="What a source may have beside extract: "
            "https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/write-a-source.md",
            obj=_where(pipeline),
            id="ingestion.W017",
        )


def _where(pipeline: Pipeline) -> str:
    return f"pipeline {pipeline.name}"
