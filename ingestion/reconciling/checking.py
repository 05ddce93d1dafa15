"""One check: read the source's figures and the stored ones, compare them, store the results."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ingestion import null_hooks
from ingestion.core import registry, transient_errors
from ingestion.core.context import Context
from ingestion.core.errors import (
    ActionRefused,
    ConfigurationError,
    CredentialError,
    IngestionError,
    SourceChanged,
    Transient,
    Unverifiable,
)
from ingestion.core.periods import NOTHING, Countable, Figure, Periods, Reconcilable
from ingestion.core.pipeline import Pipeline
from ingestion.core.windows import Window
from ingestion.database.clock import read_db_now
from ingestion.models import Connection, ReconciledPeriod
from ingestion.reconciling import results
from ingestion.reconciling.comparison import Cause, Difference, GroupResult, State, agrees, compare, unverifiable
from ingestion.reconciling.known_causes import known_cause
from ingestion.running.closing import pause_connection
from ingestion.running.execution import outside_a_run

MOST_GROUPS = 200


@dataclass(frozen=True, slots=True)
class CheckHooks:
    """What tests put in the place of the real world."""

    at: Callable[[str], None] = null_hooks.ignore
    """Called with the name of every gap; crash tests end the process there."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """The source and the table of one connection's period, and how they are compared."""

    connection: Connection
    window: Window
    ctx: Context
    periods: Periods
    source: Reconcilable
    table: Countable
    since: datetime


def can_reconcile(pipeline: Pipeline) -> bool:
    """Whether the pipeline's source, destination and declaration allow a reconciliation."""
    return (
        pipeline.periods is not None
        and isinstance(pipeline.source, Reconcilable)
        and isinstance(pipeline.destination, Countable)
    )


def require_closed(window: Window, pipeline: Pipeline, now: datetime) -> None:
    """Raise ActionRefused for a period of no length, and for one that the source may still add to."""
    if not window.start < window.end:
        raise ActionRefused(f"{window.start.isoformat()} is not before {window.end.isoformat()}: no period.")
    if window.end + pipeline.lag > now:
        raise ActionRefused(
            f"The period until {window.end:%Y-%m-%d %H:%M} UTC is not closed yet: what belongs to it may still come."
        )


def check(
    connection: Connection, window: Window, *, patience: float = math.inf, hooks: CheckHooks | None = None
) -> list[ReconciledPeriod]:
    """Check one closed period against the source; return the stored results, by group.

    Raises ActionRefused when the pipeline cannot, Transient (nothing is written, try later), and CredentialError, which
    pauses the connection as a run's would.
    """
    hooks = hooks or CheckHooks()
    pipeline = registry.get(connection.pipeline)
    sides = _sides(pipeline, connection, window, patience)
    require_closed(window, pipeline, sides.since)
    group_results = _compare(sides, hooks)
    hooks.at("compared")
    return results.write(connection, window, sides.since, group_results, at=hooks.at)


def _sides(pipeline: Pipeline, connection: Connection, window: Window, patience: float) -> _Sides:
    source, table, periods = pipeline.source, pipeline.destination, pipeline.periods
    if periods is None or not isinstance(source, Reconcilable) or not isinstance(table, Countable):
        raise ActionRefused(
            f"{pipeline.name} cannot be reconciled: it needs periods=Periods(…), a source with figures(ctx, window) "
            "and a destination such as Upsert."
        )
    ctx = outside_a_run(pipeline, connection, patience=patience)
    return _Sides(connection, window, ctx, periods, source, table, read_db_now())


def _compare(sides: _Sides, hooks: CheckHooks) -> Mapping[str, GroupResult]:
    stored_groups = results.groups(sides.connection, sides.window)
    try:
        declared = _declared_figures(sides)
    except Unverifiable as error:
        return unverifiable(Cause.SILENT, str(error), stored_groups)
    except (SourceChanged, ConfigurationError) as error:
        return unverifiable(Cause.FAULT, f"{type(error).__name__}: {error}", stored_groups)
    hooks.at("declared")
    stored = sides.table.figures(sides.ctx, sides.periods, sides.window)
    groups = {*declared, *stored, *stored_groups} or {""}
    if len(groups) > MOST_GROUPS:
        text = f"There are {len(groups)} groups; more than {MOST_GROUPS} are no groups. Name another column."
        return unverifiable(Cause.FAULT, text, stored_groups)
    return {group: _compare_group(sides, group, declared.get(group), stored.get(group)) for group in sorted(groups)}


def _declared_figures(sides: _Sides) -> Mapping[str, Figure]:
    """The source's figures. An outage in any library is Transient; a refused credential pauses the connection."""
    try:
        figures = sides.source.figures(sides.ctx, sides.window)
    except CredentialError as error:
        pause_connection(sides.connection.pk, error)
        raise
    except IngestionError:
        raise
    except Exception as error:
        if transient_errors.is_outage(error):
            raise Transient(f"{type(error).__name__}: {error}") from error
        raise
    return figures if sides.periods.amount else {group: _without_amounts(figure) for group, figure in figures.items()}


def _without_amounts(figure: Figure) -> Figure:
    return Figure(figure.count, ids=None if figure.ids is None else dict.fromkeys(figure.ids, Decimal()))


def _compare_group(sides: _Sides, group: str, declared: Figure | None, stored: Figure | None) -> GroupResult:
    declared, stored = declared or NOTHING, stored or NOTHING
    tolerance = sides.periods.tolerance
    if agrees(declared, stored, tolerance):
        return GroupResult(State.MATCHED, declared, stored)
    difference = Difference()
    if declared.ids is not None:
        stored = _stored_figure(sides, group, declared.ids)
        difference = compare(declared.ids, stored.ids or {})
        if agrees(declared, stored, tolerance):
            return GroupResult(State.MATCHED, declared, stored)
    cause = known_cause(sides.connection, sides.window, sides.since, declared, stored, difference)
    if cause is not None:
        return GroupResult(State.UNVERIFIABLE, declared, stored, difference, *cause)
    return GroupResult(State.BREACH, declared, stored, difference)


def _stored_figure(sides: _Sides, group: str, declared: Mapping[str, Decimal]) -> Figure:
    """The stored rows one by one, with those that another connection of the tenant loaded and this source names too.

    Two connections may read one account: the connection that loaded a row last need not be the only one it belongs to.
    """
    query = sides.ctx, sides.periods, sides.window, group
    own_amounts = dict(sides.table.amounts(*query))
    other_amounts = dict(sides.table.amounts(*query, keys=[key for key in declared if key not in own_amounts]))
    return Figure.of({**other_amounts, **own_amounts})
