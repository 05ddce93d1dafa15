"""What a page does, as a line for the shell: every action of the console has its `manage.py ingest` command."""

from __future__ import annotations

import shlex
from typing import Any

from ingestion.models import Connection, DeadLetter, Delivery, Run


def _line(*words: Any) -> str:
    return shlex.join(["manage.py", "ingest", *(str(word) for word in words)])


def for_connection(verb: str, connection: Connection, *options: str) -> str:
    named = ("--name", connection.name) if connection.name else ()
    return _line(*verb.split(), "--tenant", connection.tenant.key, "--pipeline", connection.pipeline, *named, *options)


def rewind(connection: Connection) -> str:
    return for_connection("watermark rewind", connection, "--to", "2026-01-31T00:00:00Z", "--reason", "…")


def for_run(verb: str, run: Run, *options: str) -> str:
    return _line(*(("show", "run") if verb == "show" else (verb,)), run.pk, *options)


def replay(letter: DeadLetter) -> str:
    return _line("replay", "--tenant", letter.tenant.key, "--id", letter.pk, "--queue", "--reason", "…")


def for_letter(verb: str, letter: DeadLetter, *options: str) -> str:
    return _line(verb, letter.pk, *options)


def for_delivery(delivery: Delivery) -> str:
    return _line("show", "delivery", delivery.pk)
