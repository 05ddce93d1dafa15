"""What a page does, as a line for the shell: every action of the console has its `manage.py ingest` command."""

from __future__ import annotations

import shlex
from typing import Any

from ingestion.models import Connection, Credential, DeadLetter, Delivery, ReconciledPeriod, Run


def _line(*words: Any) -> str:
    return shlex.join(["manage.py", "ingest", *(str(word) for word in words)])


def for_connection(verb: str, connection: Connection, *options: str) -> str:
    return f"{_line(*verb.split())} {connection.in_shell} {shlex.join(options)}".rstrip()


def rewind(connection: Connection) -> str:
    return for_connection("watermark rewind", connection, "--to", "2026-01-31T00:00:00Z", "--reason", "…")


def backfill(connection: Connection) -> str:
    return for_connection(
        "backfill", connection, "--from", "2026-01-01", "--to", "2026-02-01", "--shard", "1d", "--queue",
        "--reason", "…",
    )  # fmt: skip


def for_credential(verb: str, credential: Credential, *options: str) -> str:
    named = ("--tenant", credential.tenant.key, "--integration", credential.integration)
    return _line("credential", verb, *named, *options)


def for_run(verb: str, run: Run, *options: str) -> str:
    return _line(*(("show", "run") if verb == "show" else (verb,)), run.pk, *options)


def replay(dead_letter: DeadLetter) -> str:
    return _line("replay", "--tenant", dead_letter.tenant.key, "--id", dead_letter.pk, "--queue", "--reason", "…")


def for_letter(verb: str, dead_letter: DeadLetter, *options: str) -> str:
    return _line(verb, dead_letter.pk, *options)


def for_delivery(delivery: Delivery) -> str:
    return _line("show", "delivery", delivery.pk)


def abandon_delivery(delivery: Delivery) -> str:
    return _line("abandon-delivery", delivery.pk, "--reason", "…")


def show_reconciliation(period: ReconciledPeriod) -> str:
    return _line("show", "reconciliation", period.pk)


def reconcile(period: ReconciledPeriod) -> str:
    span = f"{(period.end - period.start).total_seconds():.0f}s"
    stretch = ("--from", period.start.isoformat(), "--to", period.end.isoformat(), "--period", span)
    return for_connection("reconcile", period.connection, *stretch)


def resync(period: ReconciledPeriod) -> str:
    return _line("resync", period.pk, "--queue", "--reason", "…")
