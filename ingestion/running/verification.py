"""Control totals: added up batch by batch in the batch's transaction, judged before the run closes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ingestion.core.context import Context
from ingestion.core.errors import ReconciliationError
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Counts, Page


def add(
    pipeline: Pipeline, ctx: Context, tally: dict[str, Any], page: Page, counts: Counts, keys: Sequence[str]
) -> dict[str, Any]:
    """`tally` with this page's declared and measured totals; a total that cannot be measured once stays None."""
    tally = dict(tally)
    for check in pipeline.reconciliations:
        if check.name not in page.declares:
            continue
        declared, measured = tally.get(check.name, ["0", "0"])
        ours = check.measure(counts, lambda column: pipeline.destination.total(ctx, column, keys))
        tally[check.name] = [
            str(Decimal(declared) + page.declares[check.name]),
            None if ours is None or measured is None else str(Decimal(measured) + ours),
        ]
    return tally


def verify(tally: dict[str, Any]) -> list[str]:
    """A sentence for each control total. Raises ReconciliationError when one disagrees."""
    verdicts, breaches = [], []
    for name, (declared, measured) in sorted(tally.items()):
        if measured is None:
            verdicts.append(f"{name}: unverifiable, because records were rejected (declared {declared})")
        elif Decimal(declared) == Decimal(measured):
            verdicts.append(f"{name}: matched, {declared}")
        else:
            breaches.append(f"{name}: the source declares {declared}, stored is {measured}")
    if breaches:
        raise ReconciliationError("; ".join(breaches) + ". The watermark has not moved; run the window again.")
    return verdicts
