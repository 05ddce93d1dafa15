"""What a storm must leave behind, worked out from the configs alone, against what is there."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ingestion.models import Connection, DeadLetter, Event, Run, Watermark
from tests.app.oracle import Effect, Entry, amount_of, fault_of


@dataclass
class Verdict:
    """All zero and empty when nothing was lost and nothing happened twice."""

    runs: int = 0
    records: int = 0
    lost: int = 0
    duplicates: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.duplicates or self.wrong)


def audit(connections: list[Connection]) -> Verdict:
    """Every record of every run of `connections`: present once, loaded once, counted once."""
    verdict = Verdict()
    for connection in connections:
        runs = list(Run.unscoped.filter(connection=connection).order_by("pk"))
        for run in runs:
            _run(run, connection.config, verdict)
        _watermarks(connection, runs, verdict)
    return verdict


def _run(run: Run, config: dict[str, Any], verdict: Verdict) -> None:
    keys = [f"{run.pk}-{number}" for number in range(config["records"])]
    bad = {key: fault for key in keys if (fault := fault_of(key, config))}
    good = {key: amount_of(key) for key in keys if key not in bad}
    stored = dict(Entry.objects.for_tenant(run.tenant_id).filter(run=run).values_list("external_id", "amount"))
    effects = Counter(Effect.objects.filter(run=run.pk).values_list("key", flat=True))
    dead_letters = DeadLetter.objects.for_tenant(run.tenant_id).filter(run=run)
    buried = {one.source_id: (one.stage, one.times_seen) for one in dead_letters}

    verdict.runs += 1
    verdict.records += len(keys)
    verdict.lost += len(good.keys() - stored.keys()) + len(bad.keys() - buried.keys())
    verdict.duplicates += sum(count - 1 for count in effects.values())
    checks = {
        "state": run.state in (Run.State.SUCCEEDED, Run.State.PARTIAL),
        "counts": (run.read, run.ok, run.skipped, run.dead) == (len(keys), len(good), 0, len(bad)),
        "rows": stored == good,
        "sum": sum(stored.values(), Decimal()) == sum(good.values(), Decimal()),
        "effects": effects.keys() == good.keys(),
        "letters": buried == {key: (fault, 1) for key, fault in bad.items()},
        "free": run.active_key is None and run.lease_until is None,
        "ended once": Event.unscoped.filter(run=run, name__in=Run.TERMINAL).count() == 1,
        "batches": run.batches == -(-config["records"] // config["page"]),
    }
    verdict.wrong += [
        f"run {run.pk}: {name} ({run.state} {run.error_class} {run.error_message[:80]} "
        f"{(run.read, run.ok, run.skipped, run.dead)} fence {run.fence})"
        for name, holds in checks.items()
        if not holds
    ]


def _watermarks(connection: Connection, runs: list[Run], verdict: Verdict) -> None:
    marks = list(Watermark.unscoped.filter(connection=connection).order_by("pk").values_list("value", flat=True))
    ends = sorted(run.window_end for run in runs if run.window_end)
    if marks != sorted(marks) or len(marks) != len(set(marks)) or not set(marks) <= set(ends):
        verdict.wrong.append(f"connection {connection.pk}: watermarks {marks}")
    if ends and (not marks or marks[-1] != ends[-1]):
        verdict.wrong.append(f"connection {connection.pk}: the watermark is not at the last window's end")
