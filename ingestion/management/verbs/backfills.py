"""`ingest backfill`: a window of the past again, in shards, beside the live runs."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from ingestion import actions
from ingestion.core.durations import span_text
from ingestion.core.text import counted
from ingestion.management.verbs import arguments, inline_execution, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.management.verbs.stop_signals import stopping
from ingestion.models import Connection, Run
from ingestion.running import shards, stalled

COLUMNS = ("id", "state", "window_start", "window_end", "read", "ok", "skipped", "dead")
SHOWN = 20


def add(verbs: Verbs) -> None:
    parser = arguments.verb(
        verbs, "backfill", backfill, "Read a window of the past again, in shards, without moving the watermark."
    )
    arguments.add_connection(parser)
    parser.add_argument("--from", required=True, dest="start", type=arguments.moment, metavar="TIME", help="included")
    parser.add_argument("--to", required=True, dest="end", type=arguments.moment, metavar="TIME", help="not included")
    parser.add_argument("--shard", type=arguments.span, default=timedelta(days=1), metavar="1d", help="one run's part")
    parser.add_argument("--parallel", type=arguments.positive, help='shards at a time; INGESTION["BACKFILL_PARALLEL"]')
    parser.add_argument("--reason", default="", help="kept in the audit trail; needed unless --preview")
    parser.add_argument("--preview", action="store_true", help="only show the shards")
    arguments.add_config(parser)
    arguments.add_queue(parser)


def backfill(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    if options["preview"]:
        actions.require_windowed(connection, dict(options["config"]))
        windows = actions.shards_of(options["start"], options["end"], options["shard"])
        rows: list[dict[str, Any]] = [{"window_start": window.start, "window_end": window.end} for window in windows]
        output.rows("shards", rows, ("window_start", "window_end"))
        output.say(f"{counted(len(rows), 'shard')} of {span_text(options['shard'])}.")
        return
    unfinished = _find_unattended_backfill(connection, options)
    if unfinished is not None:
        output.say(
            f"Run {unfinished.pk} is this backfill, and no process is at work on it: its shards that are left go on."
        )
        parent = actions.retry(arguments.COMMAND_LINE, unfinished, options["reason"], wake=options["queue"])
    else:
        parent = actions.backfill(
            arguments.COMMAND_LINE, connection, options["start"], options["end"], shard=options["shard"],
            reason=options["reason"], parallel=options["parallel"], config=dict(options["config"]),
            wake=options["queue"],
        )  # fmt: skip
    answer(parent, options, output)


def _find_unattended_backfill(connection: Connection, options: Options) -> Run | None:
    """The backfill of the same window and config that has begun, and that no process and no worker is at work on."""
    if inline_execution.is_served(connection):
        return None
    runs = Run.objects.for_tenant(connection.tenant).filter(connection=connection, kind=Run.Kind.BACKFILL)
    of_window = runs.filter(
        state=Run.State.RUNNING, parent=None, window_start=options["start"], window_end=options["end"],
        cancel_requested=False,
    )  # fmt: skip
    params = {"shard": span_text(options["shard"]), "config": dict(options["config"])}
    for parent in of_window.select_related("tenant", "connection__tenant").order_by("-pk"):
        began_alike = {"config": {}, **parent.params}.items() >= params.items()
        if began_alike and not any(map(stalled.is_at_work, parent.shards.filter(state=Run.State.RUNNING))):
            return parent
    return None


def answer(parent: Run, options: Options, output: Output) -> None:
    """Execute the shards here, unless --queue gave them to the workers, and say how they ended."""
    earlier: list[Run] = []
    if not options["queue"]:
        with stopping() as stop:
            earlier = _execute_here(parent, stop)
    bad = parent.shards.exclude(state=Run.State.SUCCEEDED).select_related("tenant", "connection").order_by("pk")[:SHOWN]
    output.fields("shards", dict(shards.progress(parent)))
    if rows := [serializers.run(shard) for shard in bad]:
        output.rows("not_succeeded", rows, (*COLUMNS, "error_class"))
    inline_execution.answer([], options, output, further_runs=[*earlier, parent])


def _execute_here(parent: Run, stop: threading.Event) -> list[Run]:
    """One after the other here, beside what workers take of them, until all have ended; the runs that went before."""
    earlier: list[Run] = []
    while not stop.is_set():
        parent.refresh_from_db()
        if parent.state in Run.TERMINAL:
            break
        stalled.release(Run.objects.for_tenant(parent.tenant).filter(parent=parent))
        waiting = shards.next_shards(parent)
        if waiting:
            earlier += inline_execution.execute_here(waiting[0], stop)
        elif not shards.close_if_done(parent.pk):
            stop.wait(inline_execution.POLL_SECONDS)
    return earlier
