"""`ingest hold-off`: the times in which no run of a tenant calls a source, and ending one of them."""

from __future__ import annotations

import shlex
from typing import NoReturn

from django.core.management.base import CommandError

from ingestion import actions, limits, queueing
from ingestion.core.text import counted
from ingestion.database.clock import DbNow
from ingestion.management.verbs import arguments, lookups
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output, Row, shown_as
from ingestion.models import Connection, Run

_COLUMNS = ("tenant", "integration", "until", "runs_waiting")
_MOST_RUNS = 50
_UNSAID = "the source asked to be left alone, or kept failing"


def add(verbs: Verbs) -> None:
    group = verbs.add_parser("hold-off", help="Show which sources nobody calls for a while, and why, or end that.")
    inner = group.add_subparsers(metavar="WHAT", dest="what", required=True)

    parser = arguments.verb(
        inner, "show", show, "Which sources nobody calls, for whom, until when, why and what ends it."
    )
    arguments.add_tenant(parser)

    parser = arguments.verb(inner, "end", end, "Let a connection's tenant call its integration again, now.")
    arguments.add_connection(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")


def show(options: Options, output: Output) -> None:
    connections = Connection.unscoped.select_related("tenant").order_by("tenant__key", "pk")
    if options["tenant"]:
        connections = connections.filter(tenant=lookups.tenant(options))
    rows = [_row(hold_off) for hold_off in limits.hold_offs(connections.iterator(chunk_size=500))]
    if not rows and queueing.absence.away:
        _tell_without_redis(options, output)
    output.rows("hold_offs", rows, _COLUMNS, nothing="Nothing is held off: every source may be called.")
    for row in rows:
        output.say(
            f"\n{row['tenant']} does not call {row['integration']} until {shown_as(row['until'])}.\n"
            f"  Because: {shown_as(row['because'])}\n"
            f"  It ends by itself then. To end it now: {row['ends_with']}"
        )


def _tell_without_redis(options: Options, output: Output) -> NoReturn:
    """Which runs wait because they were held off: the database knows that much. Always raises CommandError."""
    runs = lookups.scoped(Run, options).filter(state=Run.State.QUEUED, error_class="HeldOff", not_before__gt=DbNow())
    rows = [
        {"run": run.pk, "tenant": run.tenant.key, "pipeline": run.pipeline, "until": run.not_before,
         "because": run.error_message}
        for run in runs.order_by("pk")[:_MOST_RUNS]
    ]  # fmt: skip
    output.rows("runs_waiting", rows, ("run", "tenant", "pipeline", "until", "because"))
    raise CommandError(
        "Redis cannot be asked, so nobody knows which sources are held off; each process keeps to what its own calls "
        f"were told. {counted(len(rows), 'run waits', 'runs wait')} because of a hold-off.",
        returncode=Exit.FAILED,
    )


def _row(hold_off: limits.HoldOff) -> Row:
    """Who waits for which source, until when and why, and the command that ends it."""
    waiting = limits.waiting_for(hold_off.tenant, hold_off.integration)
    connection = hold_off.connection
    named = ("--name", connection.name) if connection.name else ()
    words = ("--tenant", hold_off.tenant.key, "--pipeline", connection.pipeline, *named, "--reason", "…")
    return {
        "tenant": hold_off.tenant.key,
        "integration": hold_off.integration,
        "until": hold_off.until,
        "because": waiting[0].error_message if waiting else _UNSAID,
        "runs_waiting": len(waiting),
        "runs": [run.pk for run in waiting],
        "ends_with": shlex.join(["manage.py", "ingest", "hold-off", "end", *words]),
    }


def end(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    ended = actions.end_hold_off(arguments.COMMAND_LINE, connection, options["reason"])
    tenant = connection.tenant.key
    early = f", {ended.seconds:.0f} s earlier than the source asked for" if ended.seconds else ""
    output.fields(
        "hold_off", {"tenant": tenant, "integration": ended.integration, "until": None, "runs_started": ended.runs}
    )
    waited = counted(len(ended.runs), "run that waited for it starts", "runs that waited for it start")
    output.say(f"{tenant} may call {ended.integration} again from now on{early}; {waited} when workers are free.")
