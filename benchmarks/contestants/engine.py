"""Sluicegate: one run of the pipeline, from page bytes to rows, dead letters, raw pages and checkpoints."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.app.models import Invoice
from benchmarks.app.pipelines import pages
from benchmarks.contestants import ground
from ingestion import actions, running

parts: Counter[str] = Counter()
"""Client CPU seconds by the gap of `Seams.at` that ended them."""


def prepare(folder: Path, changed: bool, *, lazily: bool = False) -> Callable[[], int]:
    pages.open(folder, lazily=lazily)
    run = actions.run_now(actions.Actor(), ground.connection(), hint=False)
    last = time.process_time()

    def at(point: str) -> None:
        nonlocal last
        now = time.process_time()
        parts[point] += now - last
        last = now

    def work() -> int:
        nonlocal last
        last = time.process_time()
        state = running.execute(run.pk, running.Seams(at=at))
        if state not in ("succeeded", "partial"):
            run.refresh_from_db()
            raise RuntimeError(f"The run ended {state}: {run.error_class} {run.error_message}")
        return Invoice.unscoped.count()

    return work
