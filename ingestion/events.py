"""A run's timeline: every event is a row and a log line, both carrying the tenant."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from ingestion.core.text import storable
from ingestion.database.inserts import insert
from ingestion.models import Event, Run
from ingestion.redaction import mask, masked

logger = logging.getLogger("ingestion")

_LEVELS = {"failed": logging.ERROR, "stuck": logging.WARNING, "lost": logging.WARNING}
"""The levels of events that need attention; all others are INFO."""


def record(run: Run, name: str, text: str = "", **data: Any) -> None:
    """Add one event. Inside the batch's transaction it appears with the batch or not at all, and so does its line.

    `text` and `data` must hold no payload: both are shown to staff and logged. The tenant's secrets are masked.
    """
    text, data = mask(text, run.tenant_id), masked(data, run.tenant_id)
    row = {"tenant_id": run.tenant_id, "run_id": run.pk, "name": name, "text": storable(text, 5000), "data": data}
    insert(Event, [row], datetime.now(UTC))
    line = "; ".join(filter(None, (_counts(name, data), text)))
    level, extra = _LEVELS.get(name, logging.INFO), {**fields(run, name), **_safe(data)}
    # What is rolled back has not happened: a line would tell a batch that is not there, or the same one twice.
    transaction.on_commit(lambda: logger.log(level, "%s %s", name, line, extra=extra), robust=True)


def fields(run: Run, name: str) -> dict[str, Any]:
    """What a log line says of whose it is, for one that is no event of the run's timeline."""
    return {
        "tenant_id": run.tenant_id,
        "pipeline": run.pipeline,
        "connection_id": run.connection_id,
        "run_id": run.pk,
        "event": name,
    }


def _counts(name: str, data: dict[str, Any]) -> str:
    """A run's figures, which its page shows beside the timeline and a line of the log does not."""
    if name not in Run.TERMINAL or "read" not in data:
        return ""
    return f"{data['read']} read, {data['ok']} loaded, {data['skipped']} skipped, {data['dead']} dead"


def _safe(data: dict[str, Any]) -> dict[str, Any]:
    """Keys that logging.LogRecord does not use itself."""
    return {f"data_{key}": value for key, value in data.items()}
