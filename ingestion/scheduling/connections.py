"""A connection's schedule: its own, or what its pipeline declares."""

from __future__ import annotations

from datetime import datetime

from ingestion.core import registry
from ingestion.core import schedules as core
from ingestion.core.declared_schedules import schedule_from_json
from ingestion.core.ingestion_modes import finds, ways_in
from ingestion.core.schedules import Place, Schedule
from ingestion.database.clock import read_db_now
from ingestion.models import Connection


def schedule_of(connection: Connection) -> Schedule | None:
    """When `connection` is due, None for on request only. Raises UnknownPipeline, ConfigurationError."""
    if connection.schedule is not None:
        return schedule_from_json(connection.schedule)
    return registry.get(connection.pipeline).schedule


def why_on_request(connection: Connection) -> str:
    """Why `connection` is never due by itself, in words; '' where it has a due time. Raises as `schedule_of`."""
    if schedule_of(connection) is not None:
        return "" if connection.next_due else "its schedule has no further time"
    pipeline = registry.get(connection.pipeline)
    if not finds(pipeline):
        return f"its records are {' or '.join(ways_in(pipeline)) or 'brought'}"
    if connection.schedule is not None:
        return "its schedule is switched off"
    return "neither it nor its pipeline has a schedule"


def place_of(connection: Connection) -> Place:
    """What the connection adds to its schedule: its tenant's time zone, and its offset from other connections."""
    tenant = connection.tenant
    return core.place_of(tenant.key, connection.pipeline, connection.name, tenant.time_zone)


def first_due(connection: Connection) -> datetime | None:
    """When a new connection is due first; None without a schedule. An interval is due at once."""
    schedule = schedule_of(connection)
    return core.first_due(schedule, read_db_now(), place_of(connection)) if schedule is not None else None


def next_due(connection: Connection, schedule: Schedule | None) -> datetime | None:
    """When `connection` is due next under `schedule`."""
    return schedule.after(read_db_now(), place_of(connection)) if schedule is not None else None


def upcoming(connection: Connection, schedule: Schedule | None, count: int = 5) -> list[datetime]:
    """The next `count` due times of `connection` under `schedule`."""
    return core.upcoming(schedule, read_db_now(), place_of(connection), count) if schedule is not None else []
