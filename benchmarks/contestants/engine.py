"""Sluicegate: one run of the pipeline, from page bytes to rows, dead letters, raw pages and checkpoints."""

from __future__ import annotations

import time
from collections import Counter

from django.db.models import Sum

from benchmarks.app.models import Invoice
from benchmarks.app.pipelines import pages
from benchmarks.contestants import ground
from benchmarks.data import Corpus
from ingestion import actions, running
from ingestion.models import Artifact

parts: Counter[str] = Counter()
"""Seconds of this process's CPU, by the name of the seam that they ended at; bytes kept raw, before and after packing."""


def prepare(corpus: Corpus, *, lazily: bool = False) -> ground.Work:
    pages.open(corpus, lazily=lazily)
    run = actions.run_now(actions.Actor(), ground.connection(), wake=False)
    last = 0.0

    def at(point: str) -> None:
        nonlocal last
        now = time.process_time()
        parts[point] += now - last
        last = now

    def work() -> int:
        nonlocal last
        last = time.process_time()
        state = running.execute(run.pk, running.Hooks(at=at))
        run.refresh_from_db()
        if state not in ("succeeded", "partial") or run.read != corpus.records:
            raise RuntimeError(f"{run.read} read, {state}: {run.error_class} {run.error_message}")
        for name, total in Artifact.unscoped.aggregate(raw=Sum("size"), packed=Sum("stored_size")).items():
            parts[name] = total
        return Invoice.unscoped.count()

    return work
