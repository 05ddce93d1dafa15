"""Where a connection's next run begins and ends to read."""

from __future__ import annotations

from datetime import datetime

from ingestion.core import registry
from ingestion.core.windows import Window, next_window
from ingestion.models import Connection


def window_for(connection: Connection, now: datetime) -> tuple[Window, datetime | None]:
    """The next window of `connection`, frozen at `now`, and the watermark it continues from."""
    watermark = latest_watermark(connection)
    return next_window(watermark, now, registry.get(connection.pipeline).lag), watermark


def latest_watermark(connection: Connection) -> datetime | None:
    return connection.watermarks.order_by("-pk").values_list("value", flat=True).first()
