"""What an operator can do with closed periods: check them again, and read them again."""

from __future__ import annotations

import math
from datetime import timedelta

from django.db import transaction

from ingestion import reconciling
from ingestion.actions.actor import Actor
from ingestion.actions.backfills import DAY, backfill
from ingestion.core.errors import ActionRefused, IngestionError
from ingestion.core.windows import Window
from ingestion.models import Connection, ReconciledPeriod, Run


def reconcile(
    actor: Actor, connection: Connection, window: Window, *, reason: str = "", patience: float = math.inf
) -> list[ReconciledPeriod]:
    """Hold one closed period of `connection` against its source now; the verdicts by group. Loads nothing.

    `patience` is the longest wait for the rate limit, in seconds, at most that of a run. Raises ActionRefused for a
    period that is not over and for a pipeline that cannot, else what the source raises.
    """
    actor.require("run_connection", connection.tenant)
    try:
        periods = reconciling.check(connection, window, patience=patience)
    except IngestionError as error:
        _note(actor, connection, window, reason, type(error).__name__)
        raise
    _note(actor, connection, window, reason, ", ".join(sorted({str(row.state) for row in periods})))
    return periods


def resync(actor: Actor, period: ReconciledPeriod, *, reason: str, shard: timedelta = DAY, wake: bool = True) -> Run:
    """Read the period again from the source, as a backfill over its window. Raises ActionRefused as `backfill` does.

    When it has ended, the period is checked again. What the source no longer has stays stored.
    """
    if period.state == ReconciledPeriod.State.MATCHED:
        raise ActionRefused("This period is matched; there is nothing to mend.")
    with transaction.atomic():
        run = backfill(actor, period.connection, period.start, period.end, shard=shard, reason=reason, wake=wake)
        periods = ReconciledPeriod.objects.for_tenant(period.tenant_id).filter(connection=period.connection)
        periods.filter(start=period.start, end=period.end).exclude(state=ReconciledPeriod.State.MATCHED).update(
            resync=run
        )
    return run


def _note(actor: Actor, connection: Connection, window: Window, reason: str, outcome: str) -> None:
    with transaction.atomic():
        actor.audit(
            connection.tenant, "check period", connection, reason, start=window.start.isoformat(),
            end=window.end.isoformat(), outcome=outcome,
        )  # fmt: skip
