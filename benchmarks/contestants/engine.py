"""Sluicegate: one run of the pipeline, from page bytes to rows, dead letters, raw pages and checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.app.models import Invoice
from benchmarks.app.pipelines import pages
from benchmarks.contestants import ground
from ingestion import actions, running


def prepare(folder: Path, changed: bool, *, lazily: bool = False) -> Callable[[], int]:
    pages.open(folder, lazily=lazily)
    connection = ground.connection()
    run = actions.run_now(actions.Actor(), connection, hint=False)

    def work() -> int:
        state = running.execute(run.pk)
        if state not in ("succeeded", "partial"):
            run.refresh_from_db()
            raise RuntimeError(f"The run ended {state}: {run.error_class} {run.error_message}")
        return Invoice.unscoped.count()

    return work
