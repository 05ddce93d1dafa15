"""Pipelines by their stored name. Filled by importing every installed app's `pipelines` module."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from ingestion.core.context import Context
from ingestion.core.destinations import Destination
from ingestion.core.drift import DriftMode
from ingestion.core.errors import ConfigurationError, UnknownPipeline
from ingestion.core.periods import Periods
from ingestion.core.pipeline import MAX_PAYLOAD_BYTES, ErrorBudget, Pipeline, Reader
from ingestion.core.reconciliation import Reconciliation
from ingestion.core.schedules import CatchUp, Schedule
from ingestion.core.sources import Source

S = TypeVar("S", bound=BaseModel)
Row = TypeVar("Row")

_pipelines: dict[str, Pipeline] = {}


def pipeline(
    name: str,
    *,
    source: Source,
    schema: type[S],
    destination: Destination[Row],
    integration: str = "",
    reader: Reader | None = None,
    reconciliations: Sequence[Reconciliation] = (),
    periods: Periods | None = None,
    schedule: Schedule | None = None,
    catch_up: CatchUp = "coalesce",
    lag: timedelta = timedelta(minutes=5),
    version: str = "1",
    error_budget: ErrorBudget = ErrorBudget(),  # noqa: B008  a frozen value
    drift: DriftMode | None = None,
    tenants: Collection[str] | None = None,
    max_payload_bytes: int = MAX_PAYLOAD_BYTES,
) -> Callable[[Callable[[S, Context], Row]], Pipeline]:
    """Register the decorated transform `(record, ctx) -> row` as the pipeline `name` and return the `Pipeline` value.

    The transform takes what `schema` makes and returns what `destination` takes; type checkers refuse another one.
    Raises ConfigurationError when the name is taken by another pipeline.
    """
    declared = locals()  # every parameter above, under the name and with the default that Pipeline has for it

    def declare(transform: Callable[[S, Context], Row]) -> Pipeline:
        value = Pipeline(transform=transform, **declared)
        register(value)
        return value

    return declare


def register(value: Pipeline) -> None:
    alike = [name for name in _pipelines if name != value.name and name.casefold() == value.name.casefold()]
    if alike:
        raise ConfigurationError(f"Pipelines {alike[0]!r} and {value.name!r} differ in case only; rename one of them.")
    earlier = _pipelines.get(value.name)
    if earlier is not None and _origin(earlier) != _origin(value):
        raise ConfigurationError(f"Pipeline {value.name!r} is declared twice: {_origin(earlier)} and {_origin(value)}.")
    _pipelines[value.name] = value


def version_of(name: str, otherwise: str = "") -> str:
    """The version of the pipeline `name`, or `otherwise` where its code is not installed."""
    return _pipelines[name].version if name in _pipelines else otherwise


def unregister(name: str) -> None:
    """Forget a pipeline; for tests."""
    _pipelines.pop(name, None)


def get(name: str) -> Pipeline:
    try:
        return _pipelines[name]
    except KeyError:
        near = difflib.get_close_matches(name, _pipelines, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(sorted(_pipelines)) or 'none'}."
        raise UnknownPipeline(f"There is no pipeline {name!r}.{hint}") from None


def registered() -> list[Pipeline]:
    """All pipelines by name."""
    return [_pipelines[name] for name in sorted(_pipelines)]


def _origin(value: Pipeline) -> tuple[Any, Any]:
    """Where it is declared, to the line: a module may be imported again, and a name be taken twice within one."""
    transform: Any = value.transform
    code = getattr(inspect.unwrap(transform), "__code__", None)
    name = getattr(transform, "__qualname__", type(transform).__qualname__)
    return (getattr(transform, "__module__", ""), f"{name}, line {code.co_firstlineno}" if code else name)
