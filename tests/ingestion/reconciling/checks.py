"""Checks of days, and what stands in their way."""

from __future__ import annotations

from ingestion import (
    actions,
    reconciling,
)
from ingestion.models import Connection, ReconciledPeriod, Run
from ingestion.reconciling import CheckHooks
from tests.app.oracle import Wide
from tests.ingestion.periods import (
    states,
    verdicts,
    yesterday,
)
from tests.ingestion.runs import OPERATOR


def check(connection: Connection, hooks: CheckHooks | None = None) -> dict[str, ReconciledPeriod]:
    reconciling.check(connection, yesterday(), hooks=hooks)
    return verdicts(connection)


def remove(connection: Connection, *keys: str) -> None:
    Wide.objects.for_tenant(connection.tenant).filter(external_id__in=keys).delete()


def states_after(connection: Connection) -> dict[str, str]:
    check(connection)
    return states(connection)


def overlapping(connection: Connection) -> Run:
    """A queued run over a window that the period lies in."""
    actions.rewind(OPERATOR, connection, yesterday(1).start, "once more")
    return actions.run_now(OPERATOR, connection, wake=False)
