"""`ingest run`, `retry` and `cancel`."""

from __future__ import annotations

from ingestion import actions
from ingestion.core import registry
from ingestion.core.errors import IngestionError
from ingestion.core.ingestion_modes import finds
from ingestion.management.verbs import arguments, backfills, inline_execution, lookups, serializers, waiting_runs
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.management.verbs.stop_signals import stopping
from ingestion.models import Connection, Run


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
    """Executes first what waits and no worker takes, for the window of the new run begins where theirs end."""
    connection = lookups.connection(options)
    if options["queue"]:
        inline_execution.answer([_queue_run(connection, options)], options, output)
        return
    with stopping() as stop:
        executed = waiting_runs.execute_all(connection, stop)
    new_runs: list[Run] = []
    unmade = waiting_runs.why_no_other(executed, stopped=stop.is_set())
    if unmade is None and not (executed and not finds(registry.get(connection.pipeline))):
        try:
            new_runs.append(_queue_run(connection, options))
        except IngestionError as error:
            if not executed:
                raise
            unmade = inline_execution.Unmade(f"No other run was made. {error}", Exit.FAILED)
    inline_execution.answer(new_runs, options, output, further_runs=executed, unmade=unmade)


def _queue_run(connection: Connection, options: Options) -> Run:
    return actions.run_now(
        arguments.COMMAND_LINE,
        connection,
        config=dict(options["config"]),
        reason=options["reason"],
        wake=options["queue"],
    )


def retry(options: Options, output: Output) -> None:
    failed = lookups.row_of(Run, options["run"], options)
    again = actions.retry(arguments.COMMAND_LINE, failed, options["reason"], wake=options["queue"])
    if again.is_backfill:
        backfills.answer(again, options, output)
        return
    inline_execution.answer([again], options, output)


def cancel(options: Options, output: Output) -> None:
    row = lookups.row_of(Run, options["run"], options)
    actions.cancel(arguments.COMMAND_LINE, row, options["reason"])
    row.refresh_from_db()
    output.rows("runs", [serializers.run(row)], inline_execution.COLUMNS)
    if row.state == Run.State.RUNNING:
        subject = "Each shard" if row.is_backfill else "It"
        output.say(f"{subject} stops at its next batch boundary.")
