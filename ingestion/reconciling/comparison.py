"""One group's figures on both sides become a verdict. Pure: no query, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.core.periods import Figure
from ingestion.models import ReconciledPeriod

SHOWN = 100
"""Ids of each kind that a verdict names; the rest is counted."""

State = ReconciledPeriod.State
Cause = ReconciledPeriod.Cause


@dataclass(frozen=True, slots=True)
class Difference:
    """What one side has and the other has not, by id; each sorted."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    differing: tuple[tuple[str, Decimal, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found of one group. Figures are None where a side could not be asked."""

    state: ReconciledPeriod.State
    declared: Figure | None = None
    stored: Figure | None = None
    difference: Difference = field(default_factory=Difference)
    cause: str = ""
    reason: str = ""


def agree(declared: Figure, stored: Figure, tolerance: Decimal) -> bool:
    """Counts must be equal; sums may be apart by `tolerance`, which is an amount."""
    return declared.count == stored.count and abs(stored.sum - declared.sum) <= tolerance


def compared(declared: Mapping[str, Decimal], stored: Mapping[str, Decimal]) -> Difference:
    """Every id on which the sides are apart."""
    both = declared.keys() & stored.keys()
    apart = ((key, declared[key], stored[key]) for key in both if declared[key] != stored[key])
    return Difference(
        tuple(sorted(declared.keys() - stored.keys())),
        tuple(sorted(stored.keys() - declared.keys())),
        tuple(sorted(apart)),
    )


def unverifiable(cause: ReconciledPeriod.Cause, reason: str, groups: Iterable[str]) -> dict[str, Verdict]:
    """The same for the whole period; at least one group, or nobody would see it."""
    return {group: Verdict(State.UNVERIFIABLE, cause=cause, reason=reason) for group in (set(groups) or {""})}
