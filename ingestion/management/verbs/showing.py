"""`ingest show`: a run with its timeline, a dead letter with its errors, a connection with its state, and more."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from ingestion import scheduling
from ingestion.dead_letters import writing
from ingestion.management.verbs import arguments, lookups, serializers
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import Artifact, Connection, DeadLetter, Delivery, ReconciledPeriod, Run, Watermark

_RECENT = 10


def add(verbs: Verbs) -> None:
    parser: CommandParser = verbs.add_parser(
        "show", help="Show one run, dead letter, connection, delivery or reconciliation in full."
    )
    kinds = parser.add_subparsers(metavar="WHAT", dest="what", required=True)
    run_ = arguments.verb(kinds, "run", show_run, "A run with its files, control totals and timeline.")
    letter_ = arguments.verb(kinds, "dead-letter", show_dead_letter, "A dead letter with every error.")
    letter_.add_argument("--payload", action="store_true", help="also the record's bytes, which may hold personal data")
    connection_ = arguments.verb(
        kinds, "connection", show_connection, "A connection with its watermark and newest runs."
    )
    delivery_ = arguments.verb(
        kinds, "delivery", show_delivery, "A webhook or pushed record, and the run that took it in."
    )
    delivery_.add_argument("--body", action="store_true", help="also its bytes, which may hold personal data")
    period = arguments.verb(kinds, "reconciliation", show_reconciliation, "A closed period's figures and what differs.")
    for parser in (run_, letter_, connection_, delivery_, period):
        parser.add_argument("id", type=int, metavar="ID")
        arguments.add_tenant(parser)


def show_run(options: Options, output: Output) -> None:
    row = lookups.row_of(Run, options["id"], options)
    links = row.artifact_links.select_related("artifact")
    files = [{"name": link.name, "sha256": link.artifact.sha256, "size": link.artifact.size} for link in links
             if link.artifact.kind == Artifact.Kind.FILE]  # fmt: skip
    totals = {
        name: f"declared {declared or 'nothing'}, measured {measured}"
        for name, (declared, measured) in row.tally.items()
    }
    values = {"control_totals": totals, "first_rejection": serializers.rejection(row), "traceback": row.traceback}
    values["waits_because"] = scheduling.why_waits(row)
    output.fields("run", {**serializers.run(row), **values})
    _part(output, "files", files, ("name", "sha256", "size"))
    spent = [{"meter": spending.meter, "total": spending.total} for spending in row.spendings.order_by("meter")]
    _part(output, "spent", spent, ("meter", "total"))
    _part(output, "timeline", [serializers.event(event) for event in row.events.all()], ("at", "name", "text", "data"))


def show_dead_letter(options: Options, output: Output) -> None:
    row = lookups.row_of(DeadLetter, options["id"], options)
    values = serializers.dead_letter(row)
    errors = values.pop("errors")
    values.pop("why")  # the errors below say it in full
    if options["payload"]:
        values["payload"] = writing.payload(row).decode("utf-8", "backslashreplace")
    output.fields("dead_letter", values)
    _part(output, "errors", errors, ("path", "code", "message"))


def show_connection(options: Options, output: Output) -> None:
    row = lookups.row_of(Connection, options["id"], options)
    watermark = Watermark.newest_of(row.pk)
    output.fields("connection", {**serializers.connection(row), "config": row.config, "watermark": watermark})
    runs = [serializers.run(run) for run in row.runs.select_related("tenant", "connection").order_by("-pk")[:_RECENT]]
    _part(output, "runs", runs, ("id", "kind", "state", "read", "ok", "skipped", "dead", "created_at", "error_class"))


def show_delivery(options: Options, output: Output) -> None:
    row = lookups.row_of(Delivery, options["id"], options)
    values = {**serializers.delivery(row), "waits_because": scheduling.why_pending([row]).get(row.pk, "")}
    if options["body"]:
        values["body"] = bytes(row.body).decode("utf-8", "backslashreplace")
    output.fields("delivery", values)


def show_reconciliation(options: Options, output: Output) -> None:
    row = lookups.row_of(ReconciledPeriod, options["id"], options)
    output.fields("reconciliation", serializers.reconciliation(row))


def _part(output: Output, name: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    """A table under the fields, with its name above it; nothing where it is empty."""
    if rows:
        output.say(f"\n{name.capitalize()}")
    output.rows(name, rows, columns)
