"""Which stored configs would be refused today: of connections that were made before their source judged them."""

from __future__ import annotations

import json

from ingestion.actions.connections import check_config
from ingestion.core.errors import ConfigurationError
from ingestion.models import Connection

SHOWN = 20
_LOOKED_AT = 10_000
"""Connections at most: it is asked by every `check --database` and by monitoring."""


def refused_configs(most: int = SHOWN) -> list[tuple[Connection, str]]:
    """Connections that are not paused with why their config is refused, at most `most`, oldest first.

    Their runs go on, with a note; but nothing can be uploaded or configured before the config is mended.
    """
    reasons: dict[tuple[str, str], str] = {}
    refused: list[tuple[Connection, str]] = []
    rows = Connection.unscoped.filter(paused_at=None).select_related("tenant").order_by("pk")[:_LOOKED_AT]
    for connection in rows.iterator(chunk_size=500):
        alike = (connection.pipeline, json.dumps(connection.config, sort_keys=True))
        if alike not in reasons:
            reasons[alike] = _reason(connection)
        if reasons[alike]:
            refused.append((connection, reasons[alike]))
            if len(refused) == most:
                break
    return refused


def _reason(connection: Connection) -> str:
    try:
        check_config(connection.pipeline, connection.config, connection.config or ())
    except ConfigurationError as error:
        return f"{error} {error.in_shell}".rstrip()
    except Exception as error:  # noqa: BLE001  a check of somebody's own may raise anything, and is named with it
        return f"{type(error).__name__}: {error}"
    return ""
