"""`ingest hold-off`: sources that asked to be left alone, and ending the wait."""

from __future__ import annotations

from ingestion import actions, limits
from ingestion.management.verbs import arguments, finding
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output
from ingestion.models import Connection

_COLUMNS = ("tenant", "integration", "until")


def add(verbs: Verbs) -> None:
    group = verbs.add_parser(
        "hold-off", help="Show which sources are left alone because they asked for it, or end that."
    )
    inner = group.add_subparsers(metavar="WHAT", dest="what", required=True)

    parser = arguments.verb(inner, "show", show, "Which sources are left alone, for whom and until when.")
    arguments.add_tenant(parser)

    parser = arguments.verb(inner, "end", end, "Let a connection's tenant call its integration again, now.")
    arguments.add_connection(parser)
    parser.add_argument("--reason", default="", help="kept in the audit trail")


def show(options: Options, output: Output) -> None:
    connections = Connection.unscoped.select_related("tenant").order_by("tenant__key", "pk")
    if options["tenant"]:
        connections = connections.filter(tenant=finding.tenant(options))
    rows = [
        {"tenant": one.tenant.key, "integration": one.integration, "until": one.until}
        for one in limits.hold_offs(connections.iterator(chunk_size=500))
    ]
    output.rows("hold_offs", rows, _COLUMNS, nothing="No source is left alone.")


def end(options: Options, output: Output) -> None:
    connection = finding.connection(options)
    integration = actions.end_hold_off(actions.Actor(), connection, options["reason"])
    output.fields("hold_off", {"tenant": connection.tenant.key, "integration": integration, "until": None})
