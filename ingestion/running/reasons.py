"""Counts of the reasons for skipped and left-out records and of proofs, added up in each batch's transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ingestion.core.records import Page, Proof
from ingestion.core.stages import Prepared
from ingestion.core.text import storable
from ingestion.models import Run
from ingestion.redaction import mask

MOST_REASONS = 50
"""Reasons that a run counts separately: a transform that puts ids into reasons must not make the run's row grow."""
MOST_SUBJECTS = 1000
"""Files or statements whose verdicts a run counts separately."""
OTHERS = "others"
_LONGEST = 200

Totals = Mapping[str, int]
Verdicts = Mapping[str, Totals]


def columns(run: Run, page: Page, prepared: Prepared) -> dict[str, Any]:
    """The columns of the run's row that this page changes, with their new values; {} where it changes none."""
    skipped = Counter(skip.reason for skip in prepared.skipped)
    changed: dict[str, Any] = {}
    if skipped:
        changed["skip_reasons"] = add(run.skip_reasons, _masked_totals(skipped, run.tenant_id))
    if page.left_out:
        changed["left_out"] = add(run.left_out, _masked_totals(page.left_out, run.tenant_id))
    if page.proofs:
        changed["proofs"] = add_proofs(run.proofs, page.proofs, run.tenant_id)
    return changed


def add(totals: Totals, more: Totals) -> dict[str, int]:
    """The sum of both; reasons after the first MOST_REASONS are counted as others."""
    added = dict(totals)
    for reason, count in more.items():
        name = reason if reason in added or len(added) < MOST_REASONS else OTHERS
        added[name] = added.get(name, 0) + count
    return added


def add_proofs(verdicts: Verdicts, proofs: Iterable[Proof], tenant: int) -> dict[str, dict[str, int]]:
    """`verdicts` with one more of each proof; subjects after the first MOST_SUBJECTS share a line."""
    added = {subject: dict(totals) for subject, totals in verdicts.items()}
    for proof in proofs:
        subject = _masked_text(proof.subject, tenant)
        name = subject if subject in added or len(added) < MOST_SUBJECTS else OTHERS
        added[name] = add(added.get(name, {}), {_masked_text(proof.verdict, tenant): 1})
    return added


def merge(runs: Iterable[tuple[Totals, Totals, Verdicts]]) -> dict[str, Any]:
    """The columns of a backfill, added up from those of its shards (skip reasons, left out, proofs)."""
    skipped: dict[str, int] = {}
    left_out: dict[str, int] = {}
    proofs: dict[str, dict[str, int]] = {}
    for part_skipped, part_left_out, part_proofs in runs:
        skipped, left_out = add(skipped, part_skipped), add(left_out, part_left_out)
        for subject, totals in part_proofs.items():
            name = subject if subject in proofs or len(proofs) < MOST_SUBJECTS else OTHERS
            proofs[name] = add(proofs.get(name, {}), totals)
    return {"skip_reasons": skipped, "left_out": left_out, "proofs": proofs}


def _masked_totals(totals: Totals, tenant: int) -> dict[str, int]:
    masked: Counter[str] = Counter()
    for reason, count in totals.items():
        masked[_masked_text(reason, tenant)] += count
    return dict(masked)


def _masked_text(text: str, tenant: int) -> str:
    return storable(mask(text, tenant), _LONGEST)
