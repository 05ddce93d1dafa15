"""Audit trail and timeline as JSON lines, for readers who have the folder and no database any more."""

from __future__ import annotations

import json
from pathlib import Path

from django.core.serializers.json import DjangoJSONEncoder

from ingestion.models import AuditEntry, DeadLetter, Event, Run

TABLES = {
    "audit": (AuditEntry, ("at", "tenant__key", "actor_name", "action", "target", "reason", "data")),
    "timeline": (Event, ("at", "tenant__key", "run_id", "name", "text", "data")),
    "runs": (
        Run,
        ("pk", "tenant__key", "connection_id", "pipeline", "kind", "state", "fence", "batches", "created_at",
         "started_at", "finished_at", "read", "ok", "skipped", "dead", "error_class", "error_message", "host",
         "worker_pid"),
    ),
    "letters": (DeadLetter, ("pk", "tenant__key", "run_id", "source_id", "error_class", "status", "times_seen")),
}  # fmt: skip


def export(folder: Path) -> None:
    """Write every table whole, so that what was under way at the last time is in as well."""
    for name, (model, columns) in TABLES.items():
        rows = model.unscoped.order_by("pk").values(*columns)  # type: ignore[attr-defined]
        text = "".join(json.dumps(row, cls=DjangoJSONEncoder) + "\n" for row in rows.iterator())
        (folder / f"{name}.new").write_text(text)
        (folder / f"{name}.new").rename(folder / f"{name}.jsonl")
