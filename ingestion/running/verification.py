"""Control totals: added up in each batch's transaction and compared before the run closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ingestion.core.capabilities import DeclaresTotals
from ingestion.core.context import Context
from ingestion.core.destinations import Loaded
from ingestion.core.errors import ReconciliationError
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import DIFFER, UNCHANGED, Counts, Page
from ingestion.core.stages import Prepared
from ingestion.models import Run


def count(prepared: Prepared, loaded: Loaded) -> Counts:
    """How many records of one page were read, loaded, skipped and rejected."""
    dead = len(prepared.rejected) + len(loaded.rejected)
    return Counts(len(prepared), len(loaded.ready), len(prepared.skipped), dead)


def add(
    pipeline: Pipeline, ctx: Context, tally: dict[str, Any], page: Page, prepared: Prepared, loaded: Loaded
) -> dict[str, Any]:
    """`tally` with this page's declared and measured totals: name, then [declared, measured] as text.

    Every page is measured, because a total on one page may be about all pages. A total that the source says it never
    declares is not measured. `declared` is None until a page declares it; `measured` stays None after one page whose
    sum cannot be known.
    """
    tally = dict(tally)
    for check in pipeline.reconciliations:
        if not (check.name in tally or check.name in page.declares or _can_declare(pipeline, ctx, check.name)):
            continue
        declared, measured = tally.get(check.name, [None, "0"])
        if check.name in page.declares:
            declared = str(Decimal(declared or "0") + page.declares[check.name])
        if measured is not None:
            page_measured = check.measure(count(prepared, loaded), _stored_totals(pipeline, ctx, prepared, loaded))
            measured = None if page_measured is None else str(Decimal(measured) + page_measured)
        tally[check.name] = [declared, measured]
    return tally


def _stored_totals(
    pipeline: Pipeline, ctx: Context, prepared: Prepared, loaded: Loaded
) -> Callable[[str], Decimal] | None:
    """Sums over the page's stored rows; None unless every record of the page is stored as it arrived."""
    unchanged = all(skip.reason == UNCHANGED for skip in prepared.skipped)
    if prepared.rejected or loaded.rejected or not unchanged:
        return None

    def total(column: str) -> Decimal:
        keys = [pipeline.destination.key_of(ready.row) for ready in loaded.ready]
        return pipeline.destination.total(ctx, column, [*keys, *(skip.key for skip in prepared.skipped)])

    return total


def _can_declare(pipeline: Pipeline, ctx: Context, name: str) -> bool:
    source = pipeline.source
    return not isinstance(source, DeclaresTotals) or name in source.totals_of(ctx)


_SHOWN = 3
_UNCHECKED_KINDS = {
    Run.Kind.REPLAY: "a replay takes a selection of the records that the total is about",
    Run.Kind.WEBHOOK: "deliveries are a part of what the total is about",
}


def unchecked(pipeline: Pipeline, kind: str) -> list[str]:
    """A sentence for each control total of `pipeline` that a run of this `kind` does not check."""
    why = _UNCHECKED_KINDS.get(Run.Kind(kind))
    return [f"{check.name}: not checked, because {why}" for check in pipeline.reconciliations] if why else []


UNVERIFIABLE = "unverifiable, because some records are not stored"
"""The result of a sum while dead letters are open: what they hold is in the declared sum and in no row."""
_AGAIN = "What was loaded stays. The watermark has not moved; run the window again."
_CORRECTED = (
    "What was loaded stays. Ask for the file again and upload the corrected one, which updates its rows; where the "
    "file is right, mend the pipeline and retry the run."
)


def verify(
    pipeline: Pipeline,
    tally: Mapping[str, Any],
    proofs: Mapping[str, Mapping[str, int]] = MappingProxyType({}),
    *,
    windowed: bool = True,
) -> list[str]:
    """A sentence for each control total of the pipeline. Raises ReconciliationError when one differs.

    The error says what to do next: a run that is not `windowed` has no window that could run again. Differences among
    the source's own `proofs` come first: repeated records are part of both figures.
    """
    verdicts, breaches = [], []
    for name in sorted(check.name for check in pipeline.reconciliations):
        declared, measured = tally.get(name, [None, None])
        if declared is None:
            verdicts.append(f"{name}: not checked, because the source declared none")
        elif measured is None:
            verdicts.append(f"{name}: {UNVERIFIABLE} (declared {declared})")
        elif Decimal(declared) == Decimal(measured):
            verdicts.append(f"{name}: matched, {declared}")
        else:
            breaches.append(f"{name}: the source declares {declared}, stored is {measured}")
    differing = [f"{subject}: {text}" for subject, texts in proofs.items() for text in texts if text.startswith(DIFFER)]
    if breaches and differing:
        breaches = [*differing[:_SHOWN], *(breach for breach in breaches if not breach.startswith("count:"))]
    if breaches:
        raise ReconciliationError(f"{'; '.join(breaches)}. {_AGAIN if windowed else _CORRECTED}")
    return verdicts
