"""`ingest preview`: one page of a source, before anything runs."""

from __future__ import annotations

import dataclasses

from ingestion import actions
from ingestion.management.verbs import arguments, lookups
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.output import Output

_COLUMNS = ("path", "types", "present", "missing", "nullable", "examples")


def add(verbs: Verbs) -> None:
    parser = arguments.verb(
        verbs, "preview", preview, "Fetch one page of a source and show its records and their schema. Stores nothing."
    )
    arguments.add_connection(parser)
    arguments.add_config(parser, "laid over the connection's config for this preview; VALUE is JSON or text")


def preview(options: Options, output: Output) -> None:
    sample = actions.preview(arguments.COMMAND_LINE, lookups.connection(options), dict(options["config"]))
    output.fields("preview", {"records": sample.count, "refused": sample.refused, "notes": sample.notes})
    output.say("")
    members = [dataclasses.asdict(member) for member in sample.members]
    output.rows("members", members, _COLUMNS, nothing="No record, no schema.")
    output.say("")
    output.texts("records", sample.records)
    output.rows("refusals", [{"reason": reason} for reason in sample.reasons], ("reason",))
