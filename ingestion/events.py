"""A run's timeline: every event is a row and a log line, both carrying the tenant."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from ingestion.core.text import storable
from ingestion.database.inserts import insert
from ingestion.models import Event, Run
from ingestion.redaction import mask, masked

logger = logging.getLogger("ingestion")

_LEVELS = {"failed": logging.ERROR, "stuck": logging.WARNING}
"""The levels of events that need attention; all others are INFO."""


def record(run: Run, name: str, text: str = "", **data: Any) -> None:
    """Add one event. Inside the batch's transaction it appears with the batch or not at all.

    `text` and `data` must hold no payload: both are shown to staff and logged. The tenant's secrets are masked.
    """
    text, data = mask(text, run.tenant_id), masked(data, run.tenant_id)
    row = {"tenant_id": run.tenant_id, "run_id": run.pk, "name": name, "text": storable(text, 5000), "data": data}
    insert(Event, [row], datetime.now(UTC))
    logger.log(
        _LEVELS.get(name, logging.INFO),
        "%s %s",
        name,
        text,
        extra={"tenant_id": run.tenant_id, "pipeline": run.pipeline, "run_id": run.pk, "event": name, **_safe(data)},
    )


def _safe(data: dict[str, Any]) -> dict[str, Any]:
    """Keys that logging.LogRecord does not use itself."""
    return {f"data_{key}": value for key, value in data.items()}
