"""`ingest shape`: the fields a source's records are known to have, what changed, and accepting or dismissing that."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from ingestion import actions
from ingestion.core import drift
from ingestion.management.verbs import arguments, lookups
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import Connection, KnownShape

_FIELDS = ("path", "types", "null", "percent")
_CHANGES = ("path", "kind", "before", "now")


def add(verbs: Verbs) -> None:
    group = verbs.add_parser("shape", help="Show which fields a source's records have; accept or dismiss changed ones.")
    inner = group.add_subparsers(metavar="WHAT", dest="what", required=True)

    parser = arguments.verb(inner, "show", show, "The accepted shape, and the changes that wait to be accepted.")
    arguments.add_connection(parser)

    accepting = arguments.verb(inner, "accept", accept, "Accept the changes that stopped a run; then retry it.")
    dismissing = arguments.verb(inner, "dismiss", dismiss, "Forget the changes; the accepted shape is still expected.")
    for parser in (accepting, dismissing):
        arguments.add_connection(parser)
        parser.add_argument("--reason", required=True, help="kept in the audit trail")
        parser.add_argument(
            "--version", dest="shape_version", type=arguments.whole, help="refuse unless it is this one"
        )


def show(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    row = KnownShape.objects.for_tenant(connection.tenant).filter(connection=connection).first()
    if row is None:
        raise CommandError(
            f"Nothing is known of {connection}'s records yet; its first run learns their shape.", returncode=Exit.USAGE
        )
    _show(connection, row, output)


def accept(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    row = actions.accept_shape(arguments.COMMAND_LINE, connection, options["reason"], version=options["shape_version"])
    _show(connection, row, output)


def dismiss(options: Options, output: Output) -> None:
    connection = lookups.connection(options)
    row = actions.dismiss_shape(arguments.COMMAND_LINE, connection, options["reason"], version=options["shape_version"])
    _show(connection, row, output)


def _show(connection: Connection, row: KnownShape, output: Output) -> None:
    shape = drift.from_json(row.shape)
    output.fields(
        "shape",
        {
            "tenant": connection.tenant.key,
            "pipeline": connection.pipeline,
            "name": connection.name,
            "version": row.version,
            "records": shape.records,
            "changed": row.changed_at,
            "accepted": row.accepted_at,
            "accepted_by": row.accepted_by,
            "pending_since": row.pending_since,
            "pending_run": row.pending_run_id,
            "required_but_not_delivered": sorted(shape.lacking),
        },
    )
    output.say("")
    output.rows("changes", row.pending_changes, _CHANGES, nothing="No change waits to be accepted.")
    output.say("")
    output.rows("fields", [_field(path, field) for path, field in shape.fields.items()], _FIELDS)


def _field(path: str, field: Any) -> dict[str, Any]:
    return {
        "path": path,
        "types": sorted(field.types),
        "null": "may be" if field.nullable else "",
        "percent": 100 * field.present // field.of if field.of else None,
    }
