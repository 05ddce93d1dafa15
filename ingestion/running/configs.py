"""Configs that were stored before anybody would have refused them."""

from __future__ import annotations

from ingestion import events
from ingestion.core import registry
from ingestion.core.configs import check_config
from ingestion.core.context import Context
from ingestion.models import Run


def note_refused(run: Run, ctx: Context) -> None:
    """Say in the timeline why the run's config could not be written today. The run goes on with it, as it always did.

    What its source cannot use at all the source itself refuses, and the run fails.
    """
    try:
        check_config(registry.get(run.pipeline), ctx.config, ctx.config)
    except Exception as error:  # noqa: BLE001  a check of somebody's own may raise anything; it must fail no run
        events.record(run, "note", f"The connection's config would be refused today; this run goes on. {error}")
