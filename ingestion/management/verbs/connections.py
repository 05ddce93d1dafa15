"""`ingest connect`, `pause`, `resume` and `watermark`: what can be done with a connection."""

from __future__ import annotations

from django.core.management.base import CommandParser

from ingestion import actions
from ingestion.management.verbs import arguments, described, finding
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import Connection

COLUMNS = ("id", "tenant", "pipeline", "name", "next_due", "paused_at", "paused_reason")
_HISTORY = 20
_NONE = "There is no watermark yet; the first live run that succeeds sets it."


def add(verbs: Verbs) -> None:
    parser = arguments.verb(verbs, "connect", connect, "Let a tenant use a pipeline. Safe to repeat.")
    arguments.add_connection(parser)
    arguments.add_config(parser, "set in the connection's config, beside what is there; VALUE is JSON or text")

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
    connection = actions.connect(actions.Actor(), finding.tenant(options), options["pipeline"], options["name"])
    if options["config"]:
        actions.configure(actions.Actor(), connection, {**connection.config, **dict(options["config"])})
    _show(connection, output)


def pause(options: Options, output: Output) -> None:
    connection = finding.connection(options)
    actions.pause(actions.Actor(), connection, options["reason"])
    _show(connection, output)


def resume(options: Options, output: Output) -> None:
    connection = finding.connection(options)
    actions.resume(actions.Actor(), connection, options["reason"])
    _show(connection, output)


def show_watermark(options: Options, output: Output) -> None:
    history = finding.connection(options).watermarks.order_by("-pk")[:_HISTORY]
    rows = [described.watermark(row) for row in history]
    output.rows(
        "watermarks",
        rows,
        ("value", "run", "reason", "created_at"),
        nothing=_NONE,
    )


def rewind(options: Options, output: Output) -> None:
    made = actions.rewind(actions.Actor(), finding.connection(options), options["to"], options["reason"])
    output.fields("watermark", described.watermark(made))


def _show(connection: Connection, output: Output) -> None:
    connection.refresh_from_db()
    output.rows("connections", [described.connection(connection)], COLUMNS)
