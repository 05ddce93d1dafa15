"""`manage.py ingest` as a shell would see it: exit code, output, error."""

import json
from dataclasses import dataclass
from functools import cache
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from ingestion.management.commands.ingest import Command


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    error: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@cache
def _parser() -> CommandParser:
    """Made once: it is the same each time, and making it takes longer than most commands."""
    return Command().create_parser("", "ingest")


def ingest(*words: object) -> Answer:
    out = StringIO()
    command = Command()
    command.create_parser = lambda *names, **options: _parser()  # type: ignore[method-assign]
    try:
        call_command(command, *(str(word) for word in words), stdout=out)
    except CommandError as error:
        return Answer(error.returncode, out.getvalue(), str(error))
    return Answer(0, out.getvalue(), "")


def asked(*words: object) -> Any:
    """The JSON document of an `ingest` that must succeed."""
    answer = ingest(*words, "--json")
    assert answer.code == 0, answer.error
    return answer.document
