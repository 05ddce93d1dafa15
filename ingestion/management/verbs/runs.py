"""`ingest run`, `retry` and `cancel`."""

from __future__ import annotations

from django.core.management.base import CommandError

from ingestion import actions
from ingestion.management.verbs import arguments, backfills, inline_execution, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.management.verbs.stop_signals import stopping
from ingestion.models import Run


def add(verbs: Verbs) -> None:
    parser = arguments.verb(verbs, "run", run, "Run a connection now, over its next window.")
    arguments.add_connection(parser)
    arguments.add_config(parser)
    arguments.add_queue(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")

    parser = arguments.verb(
        verbs, "retry", retry, "Run a failed or cancelled run again, over the same window or files."
    )
    parser.add_argument("run", type=int, metavar="RUN", help="the run's id")
    arguments.add_tenant(parser)
    arguments.add_queue(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")

    parser = arguments.verb(
        verbs,
        "cancel",
        cancel,
        "End a run: now where it is queued or its process died, else at its next batch boundary.",
    )
    parser.add_argument("run", type=int, metavar="RUN", help="the run's id")
    arguments.add_tenant(parser)
    parser.add_argument("--reason", default="", help="kept in the timeline and the audit trail")


def run(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    if not options["queue"]:
        with stopping() as stop:  # first, for the window of the new run begins where theirs end
            inline_execution.carry_earlier(connection, stop)
        if stop.is_set():
            raise CommandError("Stopped before a run was made.", returncode=Exit.WAITING)
    made = actions.run_now(
        arguments.COMMAND_LINE,
        connection,
        config=dict(options["config"]),
        reason=options["reason"],
        wake=options["queue"],
    )
    inline_execution.answer([made], options, output)


def retry(options: Options, output: Output) -> None:
    failed = lookups.one(Run, options["run"], options)
    again = actions.retry(arguments.COMMAND_LINE, failed, options["reason"], wake=options["queue"])
    if again.is_backfill:
        backfills.answer(again, options, output)
        return
    inline_execution.answer([again], options, output)


def cancel(options: Options, output: Output) -> None:
    mine = lookups.one(Run, options["run"], options)
    actions.cancel(arguments.COMMAND_LINE, mine, options["reason"])
    mine.refresh_from_db()
    output.rows("runs", [serializers.run(mine)], inline_execution.COLUMNS)
    if mine.state == Run.State.RUNNING:
        who = "Each shard" if mine.is_backfill else "It"
        output.say(f"{who} stops at its next batch boundary.")
