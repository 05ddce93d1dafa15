"""Control totals: added up batch by batch in the batch's transaction, judged before the run closes."""

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
    """What became of the records of one page."""
    dead = len(prepared.rejected) + len(loaded.rejected)
    return Counts(len(prepared), len(loaded.ready), len(prepared.skipped), dead)


def add(
    pipeline: Pipeline, ctx: Context, tally: dict[str, Any], page: Page, prepared: Prepared, loaded: Loaded
) -> dict[str, Any]:
    """`tally` with this page's declared and measured totals: name, then [declared, measured] as text.

    Every page is measured, whichever declares: a total may stand on one page and be about all of them. What its source
    says that no page declares is not. Declared is None until a page declares it; measured that cannot be known once
    stays None.
    """
    tally = dict(tally)
    for check in pipeline.reconciliations:
        if not (check.name in tally or check.name in page.declares or _may_declare(pipeline, ctx, check.name)):
            continue
        declared, measured = tally.get(check.name, [None, "0"])
        if check.name in page.declares:
            declared = str(Decimal(declared or "0") + page.declares[check.name])
        if measured is not None:
            ours = check.measure(count(prepared, loaded), _totals(pipeline, ctx, prepared, loaded))
            measured = None if ours is None else str(Decimal(measured) + ours)
        tally[check.name] = [declared, measured]
    return tally


def _totals(pipeline: Pipeline, ctx: Context, prepared: Prepared, loaded: Loaded) -> Callable[[str], Decimal] | None:
    """Sums over the page's stored rows; None unless every record of the page is stored as it arrived."""
    unchanged = all(one.reason == UNCHANGED for one in prepared.skipped)
    if prepared.rejected or loaded.rejected or not unchanged:
        return None

    def total(column: str) -> Decimal:
        keys = [pipeline.destination.key_of(one.row) for one in loaded.ready]
        return pipeline.destination.total(ctx, column, [*keys, *(one.key for one in prepared.skipped)])

    return total


def _may_declare(pipeline: Pipeline, ctx: Context, name: str) -> bool:
    source = pipeline.source
    return not isinstance(source, DeclaresTotals) or name in source.totals_of(ctx)


_SHOWN = 3
_UNCHECKED = {
    Run.Kind.REPLAY: "a replay takes a selection of the records that the total is about",
    Run.Kind.WEBHOOK: "deliveries are a part of what the total is about",
}


def unchecked(pipeline: Pipeline, kind: str) -> list[str]:
    """A sentence for each control total of `pipeline` that a run of this `kind` does not check."""
    why = _UNCHECKED.get(Run.Kind(kind))
    return [f"{check.name}: not checked, because {why}" for check in pipeline.reconciliations] if why else []


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
    """A sentence for each control total of the pipeline. Raises ReconciliationError when one disagrees.

    It says what to do next: a run that is not `windowed` has no window that could be run again.
    What the source's own `proofs` say of it is told first: records that came twice are part of both our figures.
    """
    verdicts, breaches = [], []
    for name in sorted(check.name for check in pipeline.reconciliations):
        declared, measured = tally.get(name, [None, None])
        if declared is None:
            verdicts.append(f"{name}: not checked, because the source declared none")
        elif measured is None:
            verdicts.append(f"{name}: unverifiable, because some records are not stored (declared {declared})")
        elif Decimal(declared) == Decimal(measured):
            verdicts.append(f"{name}: matched, {declared}")
        else:
            breaches.append(f"{name}: the source declares {declared}, stored is {measured}")
    differing = [f"{subject}: {text}" for subject, texts in proofs.items() for text in texts if text.startswith(DIFFER)]
    if breaches and differing:
        breaches = [*differing[:_SHOWN], *(one for one in breaches if not one.startswith("count:"))]
    if breaches:
        raise ReconciliationError(f"{'; '.join(breaches)}. {_AGAIN if windowed else _CORRECTED}")
    return verdicts
