"""One check: ask the source, ask the table, judge, write the verdicts down."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

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
from ingestion.reconciling.comparison import Cause, Difference, State, Verdict, agree, compared, unverifiable
from ingestion.reconciling.known_causes import excuse
from ingestion.running.closing import pause_for
from ingestion.running.execution import outside_a_run

MOST_GROUPS = 200


def _pass(point: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What tests put in the place of the real world."""

    at: Callable[[str], None] = _pass
    """Called with the name of every gap; crash tests end the process there."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two sides of one connection's period, and by what they are compared."""

    connection: Connection
    window: Window
    ctx: Context
    periods: Periods
    source: Reconcilable
    table: Countable
    since: datetime


def can_reconcile(pipeline: Pipeline) -> bool:
    """Whether source, destination and declaration allow it."""
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
    connection: Connection, window: Window, *, patience: float = math.inf, hooks: Hooks | None = None
) -> list[ReconciledPeriod]:
    """Hold one closed period against the source; its verdicts as they are stored then, by group.

    Raises ActionRefused when the pipeline cannot, Transient (nothing is written, try later), and CredentialError, which
    pauses the connection as a run's would.
    """
    hooks = hooks or Hooks()
    pipeline = registry.get(connection.pipeline)
    sides = _sides(pipeline, connection, window, patience)
    require_closed(window, pipeline, sides.since)
    found = _judged(sides, hooks)
    hooks.at("judged")
    return results.write(connection, window, sides.since, found, at=hooks.at)


def _sides(pipeline: Pipeline, connection: Connection, window: Window, patience: float) -> _Sides:
    source, table, periods = pipeline.source, pipeline.destination, pipeline.periods
    if periods is None or not isinstance(source, Reconcilable) or not isinstance(table, Countable):
        raise ActionRefused(
            f"{pipeline.name} cannot be reconciled: it needs periods=Periods(…), a source with figures(ctx, window) "
            "and a destination such as Upsert."
        )
    ctx = outside_a_run(pipeline, connection, patience=patience)
    return _Sides(connection, window, ctx, periods, source, table, read_db_now())


def _judged(sides: _Sides, hooks: Hooks) -> Mapping[str, Verdict]:
    known = results.groups(sides.connection, sides.window)
    try:
        declared = _declared(sides)
    except Unverifiable as error:
        return unverifiable(Cause.SILENT, str(error), known)
    except (SourceChanged, ConfigurationError) as error:
        return unverifiable(Cause.FAULT, f"{type(error).__name__}: {error}", known)
    hooks.at("declared")
    stored = sides.table.figures(sides.ctx, sides.periods, sides.window)
    groups = {*declared, *stored, *known} or {""}
    if len(groups) > MOST_GROUPS:
        text = f"There are {len(groups)} groups; more than {MOST_GROUPS} are no groups. Name another column."
        return unverifiable(Cause.FAULT, text, known)
    return {group: _group(sides, group, declared.get(group), stored.get(group)) for group in sorted(groups)}


def _declared(sides: _Sides) -> Mapping[str, Figure]:
    """What the source says. An outage of whatever library is Transient; a refused credential pauses the connection."""
    try:
        found = sides.source.figures(sides.ctx, sides.window)
    except CredentialError as error:
        pause_for(sides.connection.pk, error)
        raise
    except IngestionError:
        raise
    except Exception as error:
        if transient_errors.is_outage(error):
            raise Transient(f"{type(error).__name__}: {error}") from error
        raise
    return found if sides.periods.amount else {group: _only_counted(one) for group, one in found.items()}


def _only_counted(figure: Figure) -> Figure:
    return Figure(figure.count, ids=None if figure.ids is None else dict.fromkeys(figure.ids, Decimal()))


def _group(sides: _Sides, group: str, declared: Figure | None, stored: Figure | None) -> Verdict:
    declared, stored = declared or NOTHING, stored or NOTHING
    tolerance = sides.periods.tolerance
    if agree(declared, stored, tolerance):
        return Verdict(State.MATCHED, declared, stored)
    difference = Difference()
    if declared.ids is not None:
        stored = _stored(sides, group, declared.ids)
        difference = compared(declared.ids, stored.ids or {})
        if agree(declared, stored, tolerance):
            return Verdict(State.MATCHED, declared, stored)
    why = excuse(sides.connection, sides.window, sides.since, declared, stored, difference)
    if why is not None:
        return Verdict(State.UNVERIFIABLE, declared, stored, difference, *why)
    return Verdict(State.BREACH, declared, stored, difference)


def _stored(sides: _Sides, group: str, declared: Mapping[str, Decimal]) -> Figure:
    """The stored rows one by one, and those that another connection of the tenant loaded and the source names too.

    Two connections may read one account: who loaded a row last says nothing about whose it is.
    """
    ask = sides.ctx, sides.periods, sides.window, group
    own = dict(sides.table.amounts(*ask))
    others = dict(sides.table.amounts(*ask, keys=[key for key in declared if key not in own]))
    return Figure.of({**others, **own})
