"""When connections are due: their schedules, and the time zone that a tenant's cron expressions are read in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from ingestion import scheduling
from ingestion.actions.actor import Actor
from ingestion.conf import config
from ingestion.core import registry
from ingestion.core.declared_schedules import OFF, schedule_from_json, schedule_to_json
from ingestion.core.errors import ActionRefused, IngestionError, UnknownPipeline
from ingestion.core.ingestion_modes import require_finds
from ingestion.core.schedules import Cron, Every, Schedule
from ingestion.core.time_zones import zone_named
from ingestion.models import Connection, Tenant


def as_declared(schedule: Schedule | Mapping[str, Any]) -> dict[str, Any]:
    """The JSON that a connection keeps. Raises ConfigurationError for what is no schedule."""
    value = schedule_from_json(dict(schedule)) if isinstance(schedule, Mapping) else schedule
    return schedule_to_json(value)


def require_rest(actor: Actor, declared: Mapping[str, Any] | None) -> None:
    """Raise ActionRefused where staff asks for runs closer together than the settings allow."""
    schedule = schedule_from_json(dict(declared)) if declared else None
    floor = config().SHORTEST_SCHEDULE_SECONDS
    if actor.user is not None and isinstance(schedule, Every) and schedule.interval.total_seconds() < floor:
        raise ActionRefused(
            f"Give an interval of {floor:g} seconds or more; shorter ones are declared in code "
            '(INGESTION["SHORTEST_SCHEDULE_SECONDS"]).'
        )


def require_runs(pipeline: str, declared: Mapping[str, Any] | None) -> None:
    """Raise ActionRefused for a schedule of runs that would find nothing: the source is uploaded or delivered to."""
    if declared is None or declared == OFF:
        return
    try:
        require_finds(registry.get(pipeline))
    except UnknownPipeline:
        return  # its code is not installed here; the run says so
    except ActionRefused as refused:
        raise ActionRefused(f"{refused} It needs no schedule: leave that to the pipeline.") from refused


def set_schedule(
    actor: Actor, connection: Connection, schedule: Schedule | Mapping[str, Any] | None, reason: str = ""
) -> Connection:
    """Give the connection a schedule of its own; None gives it back to what its pipeline declares.

    A schedule is a value (`Cron("0 3 * * *")`) or its JSON (`{"every": "15m"}`, `{"off": true}`). What is due next is
    worked out anew; a run under way goes on. Raises ConfigurationError with what is wrong, and ActionRefused where the
    source finds nothing by itself.
    """
    actor.require("run_connection", connection.tenant)
    declared = as_declared(schedule) if schedule is not None else None
    require_runs(connection.pipeline, declared)
    require_rest(actor, declared)
    with transaction.atomic():
        rows = Connection.objects.for_tenant(connection.tenant).select_for_update().filter(pk=connection.pk)
        row = rows.get()
        before, row.schedule = row.schedule, declared
        row.next_due = scheduling.next_due(row, scheduling.schedule_of(row))
        Connection.objects.for_tenant(connection.tenant).filter(pk=row.pk).update(
            schedule=declared, next_due=row.next_due
        )
        actor.audit(connection.tenant, "schedule", connection, reason, before=before, after=declared)
    connection.schedule, connection.next_due = declared, row.next_due
    return connection


def set_time_zone(actor: Actor, tenant: Tenant, zone: str, reason: str = "") -> list[Connection]:
    """Read the tenant's cron expressions in another time zone; the connections whose next due time that moved.

    Raises ActionRefused for a name that is no time zone.
    """
    actor.require_superuser()
    try:
        zone_named(zone)
    except IngestionError as error:
        raise ActionRefused(str(error)) from error
    with transaction.atomic():
        rows = _scheduled(tenant)  # in the order in which the tick takes its locks: connection, then tenant
        before = Tenant.objects.select_for_update().values_list("time_zone", flat=True).get(pk=tenant.pk)
        Tenant.objects.filter(pk=tenant.pk).update(time_zone=zone)
        tenant.time_zone = zone
        moved = [connection for connection in rows if _follows(connection)]
        for connection in moved:
            connection.next_due = scheduling.next_due(connection, scheduling.schedule_of(connection))
            Connection.objects.for_tenant(tenant).filter(pk=connection.pk).update(next_due=connection.next_due)
        actor.audit(tenant, "time zone", tenant, reason, before=before, after=zone, moved=len(moved))
    return moved


def _scheduled(tenant: Tenant) -> list[Connection]:
    rows = Connection.objects.for_tenant(tenant).select_for_update().filter(next_due__isnull=False).order_by("pk")
    for row in rows:
        row.tenant = tenant
    return list(rows)


def _follows(connection: Connection) -> bool:
    """Whether the connection is due by a cron expression that names no zone of its own."""
    try:
        schedule = scheduling.schedule_of(connection)
    except IngestionError:  # its code is not installed here: it is not due anyway
        return False
    return isinstance(schedule, Cron) and not schedule.zone
