"""Configs that were stored before anybody would have refused them."""

from __future__ import annotations

from ingestion import events
from ingestion.core import registry
from ingestion.core.configs import check_config
from ingestion.running.execution import Execution


def note_refused(execution: Execution) -> None:
    """Say in the timeline, once a run, why its config could not be written today. It goes on with it, as it always did.

    What its source cannot use at all the source itself refuses, and the run fails.
    """
    if execution.claim.fence != 1:
        return
    try:
        check_config(registry.get(execution.run.pipeline), execution.ctx.config, execution.ctx.config)
    except Exception as error:  # noqa: BLE001  a check of somebody's own may raise anything; it must fail no run
        events.record(
            execution.run, "note", f"The connection's config would be refused today; this run goes on. {error}"
        )
