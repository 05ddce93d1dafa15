"""What an operator can do about a hold-off, the time in which no run of a tenant calls a source: end it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from ingestion import dispatch, events, limits
from ingestion.actions.actor import Actor
from ingestion.core.errors import ActionRefused
from ingestion.models import Connection, Event, Run

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class EndedHoldOff:
    """`integration` may be called again, so many seconds earlier; `runs` waited for it and need not any more."""

    integration: str
    seconds: float
    runs: list[int]


def end_hold_off(actor: Actor, connection: Connection, reason: str = "") -> EndedHoldOff:
    """Let the connection's tenant call its integration again, now.

    Runs that wait for it start when it is their turn, but for those that a host refused which refuses none of the
    connection's own: it asked for itself, and nobody ended that. Raises ActionRefused when nothing is held off and no
    run waits, or when Redis cannot be asked.
    """
    tenant = connection.tenant
    actor.require("run_connection", tenant)
    integration = limits.rate_name_of(connection)
    seconds = limits.release(tenant.ref, tenant.tier, integration) if integration else 0.0
    with transaction.atomic():
        waiting = _of_its_hosts(connection, limits.waiting_for(tenant.ref, integration))
        if not seconds and not waiting:
            raise ActionRefused(
                f"Nothing is held off: {tenant.key} may call {integration or connection.pipeline}, and no run waits."
            )
        for run in waiting:
            if Run.unscoped.filter(pk=run.pk, fence=run.fence, state=Run.State.QUEUED).update(not_before=None):
                run.not_before = None
                events.record(run, "note", f"{actor.name} ended the hold-off of {integration}; the run need not wait.")
                dispatch.wake(run)
        ended = EndedHoldOff(integration, seconds, [run.pk for run in waiting])
        data = {"integration": integration, "seconds": round(seconds), "runs": ended.runs}
        actor.audit(tenant, "end hold-off", connection, reason, **data)
    return ended


def _of_its_hosts(connection: Connection, waiting: Sequence[Run]) -> list[Run]:
    """Those of `waiting` that no other host refused than the ones the connection's own runs wait for.

    Where none of its own waits, the hold-off is the integration's, and with it all of them end.
    """
    hosts = _hosts_of(waiting)
    ended = {hosts[run.pk] for run in waiting if run.connection_id == connection.pk and hosts[run.pk]}
    return [run for run in waiting if not ended or not hosts[run.pk] or hosts[run.pk] in ended]


def _hosts_of(runs: Sequence[Run]) -> dict[int, str]:
    """Which host refused each of `runs` the last time; '' where its timeline names none."""
    hosts = dict.fromkeys((run.pk for run in runs), "")
    for start in range(0, len(runs), _CHUNK):
        retries = Event.unscoped.filter(run_id__in=[run.pk for run in runs[start : start + _CHUNK]], name="retry")
        hosts.update(
            (run_id, str(data.get("host", ""))) for run_id, data in retries.order_by("pk").values_list("run_id", "data")
        )
    return hosts
