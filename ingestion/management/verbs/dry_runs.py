"""`ingest dry-run`: what a run would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ingestion.core.text import counted
from ingestion.management.verbs import arguments, lookups, serializers, uploads
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import Run
from ingestion.running.dry_run import Report, describe_errors, dry_run

_SHOWN = (
    "pipeline", "tenant", "outcome", "pages", "read", "inserts", "updates", "skipped", "left_out", "rejected",
    "verdicts", "proofs", "notes", "drift", "complete", "failure",
)  # fmt: skip


def add(verbs: Verbs) -> None:
    parser = arguments.verb(
        verbs, "dry-run", dry_run_pipeline, "Go the whole way of a run, write nothing, say what it would do."
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="as if they were uploaded together")
    arguments.add_connection(parser)
    arguments.add_config(parser)
    parser.add_argument("--pages", type=arguments.positive, metavar="N", help="stop after N pages of the source")


def dry_run_pipeline(options: Options, output: Output) -> None:
    report = dry_run(
        lookups.tenant(options),
        options["pipeline"],
        files=[(path.name, uploads.read(path)) for path in options["files"]],
        name=options["name"],
        config=dict(options["config"]),
        limit_pages=options["pages"],
    )
    output.fields("dry_run", _summary(report))
    rejections = [
        {**serializers.rejected(rejection), "why": describe_errors(rejection)} for rejection in report.rejections
    ]
    output.say("")
    output.rows("rejections", rejections, ("key", "position", "stage", "why"))
    if report.failure:
        raise CommandError(f"The run would fail. {report.failure}", returncode=Exit.FAILED)
    if report.outcome == Run.State.PARTIAL:
        raise CommandError(
            f"{report.rejected} of {counted(report.read, 'record')} would be rejected.", returncode=Exit.PARTIAL
        )


def _summary(report: Report) -> dict[str, Any]:
    window = report.window
    values = {name: getattr(report, name) for name in _SHOWN}
    return {
        **values,
        "skipped": dict(report.skipped),
        "window_start": window and window.start,
        "window_end": window and window.end,
    }
