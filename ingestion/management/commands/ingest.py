"""`manage.py ingest VERB`: everything an operator can do, from a shell. See docs/reference/commands.md."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError, ProgrammingError

from ingestion.core.errors import IngestionError, UnknownPipeline
from ingestion.management.verbs import VERBS
from ingestion.management.verbs.exit_codes import Exit
from ingestion.management.verbs.output import Output
from ingestion.redaction import mask, safely


class Command(BaseCommand):
    help = (
        "Run and look after pipelines. Exit codes: 0 done, 1 failed (also an attempt that a worker makes again), "
        "2 asked wrongly, 3 partial (dead letters), 4 not done yet and no attempt failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
        for verb in VERBS:
            verb.add(verbs)

    def handle(self, *args: Any, **options: Any) -> None:
        output = Output(self.stdout, as_json=options.get("json", False))
        try:
            with safely():
                _do(options, output)
        except CommandError as error:
            output.error(str(error))
            raise
        finally:
            output.close()


def _do(options: dict[str, Any], output: Output) -> None:
    """Every failure we know about as a sentence with its exit code; what is left is a bug and keeps its traceback."""
    try:
        options["do"](options, output)
    except CommandError as error:
        raise CommandError(mask(str(error)), returncode=error.returncode) from None
    except UnknownPipeline as error:
        raise CommandError(mask(str(error)), returncode=Exit.USAGE) from None
    except IngestionError as error:
        raise CommandError(mask(f"{error} {error.in_shell}".rstrip()), returncode=Exit.FAILED) from None
    except (OperationalError, InterfaceError, ProgrammingError) as error:
        hint = "Does it answer, and has `manage.py migrate` run?"
        raise CommandError(mask(f"The database cannot be used: {error}. {hint}"), returncode=Exit.FAILED) from None
