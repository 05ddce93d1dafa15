"""`ingest deliver`: hand a connection what its sender could not bring. `abandon-delivery`: give up what none takes."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandParser
from django.db import transaction

from ingestion import actions
from ingestion.management.verbs import arguments, inline_execution, lookups, serializers, uploads
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import Delivery, Run

COLUMNS = ("id", "tenant", "pipeline", "name", "delivery_id", "state", "size", "received_at", "run", "note")


def add(verbs: Verbs) -> None:
    parser: CommandParser = arguments.verb(
        verbs, "deliver", deliver, "Store a file as a delivery, as if its sender had pushed it. Safe to repeat."
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    arguments.add_connection(parser)
    parser.add_argument("--id", default="", help="the sender's id of it; the file's SHA-256 when not given")
    arguments.add_queue(parser)

    parser = arguments.verb(
        verbs, "abandon-delivery", abandon, "Give up deliveries that wait and that nobody can take in, for a reason."
    )
    parser.add_argument("deliveries", nargs="+", type=int, metavar="ID")
    arguments.add_tenant(parser)
    parser.add_argument("--reason", required=True)


def deliver(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    data = uploads.read(options["file"])
    stored = actions.deliver(connection, options["id"], data, wake=options["queue"])
    arguments.COMMAND_LINE.audit(connection.tenant, "deliver", connection, stored=stored)
    if not stored:
        output.say("It was stored before.")
    waiting = Run.unscoped.filter(webhook_key=connection.pk).select_related("tenant")
    inline_execution.answer(list(waiting), options, output)


def abandon(options: Options, output: Output) -> None:
    """All of them or none: one that is not there, or waits no more, undoes the others."""
    rows = [lookups.row_of(Delivery, pk, options) for pk in options["deliveries"]]
    with transaction.atomic():
        for row in rows:
            actions.abandon_delivery(arguments.COMMAND_LINE, row, options["reason"])
            row.refresh_from_db()
    output.rows("deliveries", [serializers.delivery(row) for row in rows], COLUMNS)
