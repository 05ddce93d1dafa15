"""The window that a connection's next run reads."""

from __future__ import annotations

from datetime import datetime

from ingestion.core import registry
from ingestion.core.windows import Window, next_window
from ingestion.models import Connection, Watermark


def window_for(connection: Connection, now: datetime) -> tuple[Window, datetime | None]:
    """The next window of `connection`, frozen at `now`, and the watermark it continues from."""
    watermark = Watermark.newest_of(connection.pk)
    return next_window(watermark, now, registry.get(connection.pipeline).lag), watermark
