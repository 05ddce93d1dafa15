"""`ingest connect`, `schedule`, `pause`, `resume` and `watermark`: what can be done with a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from ingestion import actions, scheduling
from ingestion.actions.connections import check_config
from ingestion.core import registry
from ingestion.core.capabilities import CompletesConfig
from ingestion.core.context import overlaid
from ingestion.core.time_zones import zone_named
from ingestion.management.verbs import arguments, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output, Row
from ingestion.models import Connection

COLUMNS = ("id", "tenant", "pipeline", "name", "schedule", "next_due", "paused_at", "paused_reason")
_HISTORY = 20
DUE_SHOWN = 5
_NONE = "There is no watermark yet; the first live run that succeeds sets it."


def add(verbs: Verbs) -> None:
    parser = arguments.verb(verbs, "connect", connect, "Let a tenant use a pipeline. Safe to repeat.")
    arguments.add_connection(parser)
    arguments.add_config(parser, "set in the connection's config, beside what is there; VALUE is JSON or text")
    arguments.add_schedule(parser)

    parser = arguments.verb(verbs, "schedule", schedule, "Show or set when a connection is due next.")
    arguments.add_connection(parser)
    arguments.add_schedule(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")

    parser = arguments.verb(
        verbs, "pause", pause, "Stop a connection: nothing new starts, a run stops at its next batch."
    )
    arguments.add_connection(parser)
    parser.add_argument("--reason", required=True)

    parser = arguments.verb(verbs, "resume", resume, "Let a paused connection go on, from where it stopped.")
    arguments.add_connection(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")

    _add_watermark(verbs.add_parser("watermark", help="Show or move where a connection's next window starts."))


def _add_watermark(parser: CommandParser) -> None:
    verbs = parser.add_subparsers(metavar="WHAT", dest="what", required=True)
    show = arguments.verb(verbs, "show", show_watermark, "The newest watermarks, newest first.")
    arguments.add_connection(show)

    move = arguments.verb(
        verbs, "rewind", rewind, "Move the watermark; the next run starts there. The history keeps both."
    )
    arguments.add_connection(move)
    move.add_argument(
        "--to", required=True, type=arguments.moment, metavar="TIME", help="an ISO time, or an age like 7d"
    )
    move.add_argument("--reason", required=True)


def connect(options: Options, output: Output) -> None:
    tenant, declared = lookups.tenant(options), arguments.schedule(options)
    with transaction.atomic():  # a config that is refused leaves no connection without one, which a tick would find due
        connection = actions.connect(arguments.COMMAND_LINE, tenant, options["pipeline"], options["name"], declared)
        if options["default"] and connection.schedule is not None:
            actions.set_schedule(arguments.COMMAND_LINE, connection, None)
        if options["config"]:
            actions.configure(arguments.COMMAND_LINE, connection, _completed(connection, dict(options["config"])))
        elif not connection.config:  # a stored one was judged when it was written; what it lacks each run says
            check_config(connection.pipeline, connection.config)
    _show(connection, output)


def _completed(connection: Connection, changes: dict[str, Any]) -> dict[str, Any]:
    """The connection's config with the `changes`, and what its source adds to that, as the console's forms do."""
    config, source = overlaid(connection.config, changes), registry.get(connection.pipeline).source
    if isinstance(source, CompletesConfig):
        return source.completed(config, connection.config, connection.name)
    return config


def schedule(options: Options, output: Output) -> None:
    connection, declared = lookups.connection(options), arguments.schedule(options)
    if declared is not None or options["default"]:
        actions.set_schedule(arguments.COMMAND_LINE, connection, declared, options["reason"])
    zone = connection.tenant.time_zone
    due = scheduling.upcoming(connection, scheduling.schedule_of(connection), DUE_SHOWN)
    origin = "the connection's own" if connection.schedule is not None else "the pipeline's declaration"
    output.fields("schedule", {**serializers.schedule(connection), "declared_by": origin, "tenant_time_zone": zone})
    rows = [{"due": moment, "local": _local(connection, moment)} for moment in due]
    output.rows("due", rows, ("due", "local"), "It is never due; it runs when asked.")


def _local(connection: Connection, moment: datetime) -> str:
    """`moment` in the zone that the schedule is read in."""
    schedule_in_force = scheduling.schedule_of(connection)
    zone = zone_named(getattr(schedule_in_force, "zone", "") or connection.tenant.time_zone)
    return f"{moment.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


def pause(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    actions.pause(arguments.COMMAND_LINE, connection, options["reason"])
    _show(connection, output)


def resume(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    actions.resume(arguments.COMMAND_LINE, connection, options["reason"])
    _show(connection, output)


def show_watermark(options: Options, output: Output) -> None:
    history = lookups.connection(options).watermarks.order_by("-pk")[:_HISTORY]
    rows = [serializers.watermark(row) for row in history]
    output.rows(
        "watermarks",
        rows,
        ("value", "run", "reason", "created_at"),
        nothing=_NONE,
    )


def rewind(options: Options, output: Output) -> None:
    watermark = actions.rewind(arguments.COMMAND_LINE, lookups.connection(options), options["to"], options["reason"])
    output.fields("watermark", serializers.watermark(watermark))


def _show(connection: Connection, output: Output) -> None:
    connection.refresh_from_db()
    rows = [serializers.connection(connection)]
    output.rows("connections", rows, columns_of(rows))


def columns_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns of `rows`: the delivery address and the lateness only where a row has one."""
    return (*COLUMNS, *(name for name in ("address", "late") if any(row.get(name) for row in rows)))
