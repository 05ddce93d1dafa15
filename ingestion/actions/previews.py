"""Looking at one page of a source before anything runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ingestion import previews, scheduling
from ingestion.actions.actor import Actor
from ingestion.actions.connections import check_config
from ingestion.actions.interactive import waiting
from ingestion.core import registry
from ingestion.core.capabilities import Previewable
from ingestion.core.context import overlaid
from ingestion.core.errors import ActionRefused
from ingestion.core.windows import next_window
from ingestion.database.clock import read_db_now
from ingestion.models import Connection
from ingestion.previews import Preview


def preview(actor: Actor, connection: Connection, config: Mapping[str, Any] | None = None) -> Preview:
    """Fetch the first page that a run would read now, with the tenant's own credential; nothing is stored.

    `connection` may be one that is not saved yet; `config` is laid over what it has. What looks private is masked,
    for everybody. Raises ActionRefused when the source has no preview, and what the source raises.
    """
    actor.require("run_connection", connection.tenant)
    pipeline = registry.get(connection.pipeline)
    if not isinstance(pipeline.source, Previewable):
        instead = f"try `manage.py ingest dry-run {connection.in_shell} --pages 1`"
        raise ActionRefused(f"{type(pipeline.source).__name__} cannot show a page; {instead}.")
    check_config(connection.pipeline, overlaid(connection.config, config), connection.config.keys())
    now = read_db_now()
    window = scheduling.window_for(connection, now)[0] if connection.pk else next_window(None, now, pipeline.lag)
    actor.audit(connection.tenant, "preview", connection)  # before the call: what was looked at stays on record
    with waiting(pipeline, connection, config) as ctx:
        page = pipeline.source.preview(dataclasses.replace(ctx, now=now, window=window))
    return previews.preview(page)
