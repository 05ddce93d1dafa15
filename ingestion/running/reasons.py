"""Why records were skipped or left out, and what was proved: added up batch by batch, in the batch's transaction."""

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
"""Reasons a run tells apart. A transform that puts ids into its reasons must not make the run's row grow with them."""
MOST_SUBJECTS = 1000
"""Files or statements whose verdicts a run keeps apart."""
OTHERS = "others"
_LONGEST = 200

Totals = Mapping[str, int]
Verdicts = Mapping[str, Totals]


def columns(run: Run, page: Page, prepared: Prepared) -> dict[str, Any]:
    """The columns of the run's row that this page changes, with their new values; {} where it changes none."""
    skipped = Counter(skip.reason for skip in prepared.skipped)
    changed: dict[str, Any] = {}
    if skipped:
        changed["skip_reasons"] = add(run.skip_reasons, _told(skipped, run.tenant_id))
    if page.left_out:
        changed["left_out"] = add(run.left_out, _told(page.left_out, run.tenant_id))
    if page.proofs:
        changed["proofs"] = add_proofs(run.proofs, page.proofs, run.tenant_id)
    return changed


def add(totals: Totals, more: Totals) -> dict[str, int]:
    """Both added up; what comes after the first MOST_REASONS reasons is counted as others."""
    added = dict(totals)
    for reason, count in more.items():
        name = reason if reason in added or len(added) < MOST_REASONS else OTHERS
        added[name] = added.get(name, 0) + count
    return added


def add_proofs(verdicts: Verdicts, proofs: Iterable[Proof], tenant: int) -> dict[str, dict[str, int]]:
    """`verdicts` with one more of each proof; subjects after the first MOST_SUBJECTS share a line."""
    added = {subject: dict(totals) for subject, totals in verdicts.items()}
    for proof in proofs:
        subject = _text(proof.subject, tenant)
        name = subject if subject in added or len(added) < MOST_SUBJECTS else OTHERS
        added[name] = add(added.get(name, {}), {_text(proof.verdict, tenant): 1})
    return added


def merged(runs: Iterable[tuple[Totals, Totals, Verdicts]]) -> dict[str, Any]:
    """What several runs (skip reasons, left out, proofs) say together, as columns of the run that they are parts of."""
    skipped: dict[str, int] = {}
    left_out: dict[str, int] = {}
    proofs: dict[str, dict[str, int]] = {}
    for part_skipped, part_left_out, part_proofs in runs:
        skipped, left_out = add(skipped, part_skipped), add(left_out, part_left_out)
        for subject, totals in part_proofs.items():
            name = subject if subject in proofs or len(proofs) < MOST_SUBJECTS else OTHERS
            proofs[name] = add(proofs.get(name, {}), totals)
    return {"skip_reasons": skipped, "left_out": left_out, "proofs": proofs}


def _told(totals: Totals, tenant: int) -> dict[str, int]:
    told: Counter[str] = Counter()
    for reason, count in totals.items():
        told[_text(reason, tenant)] += count
    return dict(told)


def _text(text: str, tenant: int) -> str:
    return storable(mask(text, tenant), _LONGEST)
