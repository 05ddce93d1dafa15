"""`ingest upload`: files into a connection, each as a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ingestion import actions
from ingestion.core.errors import FileRefused
from ingestion.core.text import counted
from ingestion.management.verbs import arguments, inline_execution, lookups
from ingestion.management.verbs.arguments import Options, Verbs
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.models import Run
from ingestion.running import stalled

_NAMED = 20


def add(verbs: Verbs) -> None:
    parser = arguments.verb(
        verbs, "upload", upload, "Take files in, each as a run. The same bytes are not taken twice."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    arguments.add_connection(parser)
    arguments.add_config(parser)
    arguments.add_queue(parser)
    parser.add_argument("--again", action="store_true", help="also when the same bytes were taken before")


def upload(options: Options, output: Output) -> None:
    """A file that is refused does not keep the others out."""
    connection = lookups.connection(options)
    runs: list[Run] = []
    running: list[Run] = []
    refused: list[dict[str, Any]] = []
    duplicates: list[dict[str, Any]] = []
    files = [(path, read(path)) for path in options["files"]]  # all of them, before the first one is taken in
    for path, data in files:
        try:
            received = actions.upload(
                arguments.COMMAND_LINE, connection, path.name, data, config=dict(options["config"]),
                again=options["again"], wake=options["queue"],
            )  # fmt: skip
        except FileRefused as error:
            refused.append({"file": path.name, "error": str(error)})
            continue
        if received.duplicate:
            duplicates.append({"file": path.name, "run": received.run.pk, "because": received.sentence})
        if not received.duplicate or _waits(received.run):
            runs.append(received.run)
        elif received.run.state == Run.State.RUNNING:
            running.append(received.run)
    output.rows("duplicates", duplicates, ("file", "run", "because"))
    if duplicates:
        output.say("--again takes the same bytes once more, for example with another --config.")
    output.rows("refused", refused, ("file", "error"))
    _end(runs, running, refused, options, output)


def _waits(run: Run) -> bool:
    """Whether the run that has the file already is queued, also because its process has died."""
    stalled.release(Run.objects.for_tenant(run.tenant).filter(pk=run.pk))
    run.refresh_from_db()
    return run.state == Run.State.QUEUED


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=Exit.USAGE) from error


def _end(runs: list[Run], running: list[Run], refused: list[dict[str, Any]], options: Options, output: Output) -> None:
    """The sentences about the runs, and one about the files that have none because they were refused."""
    if not refused:
        return inline_execution.answer(runs, options, output, further_runs=running)
    files = counted(len(options["files"]), "file")
    refusals = counted(len(refused), f"of {files} was refused", f"of {files} were refused")
    named = ", ".join(row["file"] for row in refused[:_NAMED]) + (", …" if len(refused) > _NAMED else "")
    try:
        inline_execution.answer(runs, options, output, further_runs=running)
    except CommandError as error:
        raise CommandError(f"{error}\n{refusals}: {named}.", returncode=Exit.FAILED) from None
    raise CommandError(f"{refusals}: {named}.", returncode=Exit.FAILED)
