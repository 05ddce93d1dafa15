"""`ingest deliver`: hand a connection what its sender could not bring, for example during an outage."""

from __future__ import annotations

from pathlib import Path

from django.core.management.base import CommandParser

from ingestion import actions
from ingestion.management.verbs import arguments, finding, foreground, uploading
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import Run

COLUMNS = ("id", "tenant", "pipeline", "name", "delivery_id", "state", "size", "received_at", "run", "note")


def add(verbs: Verbs) -> None:
    parser: CommandParser = arguments.verb(
        verbs, "deliver", deliver, "Store a file as a delivery, as if its sender had pushed it. Safe to repeat."
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    arguments.add_connection(parser)
    parser.add_argument("--id", default="", help="the sender's id of it; the file's SHA-256 when not given")
    arguments.add_queue(parser)


def deliver(options: Options, output: Output) -> None:
    connection = finding.connection(options)
    data = uploading.read(options["file"])
    stored = actions.deliver(connection, options["id"], data, hint=options["queue"])
    actions.Actor().audit(connection.tenant, "deliver", connection, stored=stored)
    if not stored:
        output.say("It was stored before.")
    waiting = Run.unscoped.filter(webhook_key=connection.pk).select_related("tenant")
    foreground.answer(list(waiting), options, output)
