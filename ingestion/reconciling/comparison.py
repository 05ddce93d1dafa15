"""Compares the figures of one group on both sides. Pure: no query, no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion.core.periods import Figure
from ingestion.models import ReconciledPeriod

SHOWN = 100
"""Ids of each kind that a result lists; further ones are counted."""

State = ReconciledPeriod.State
Cause = ReconciledPeriod.Cause


@dataclass(frozen=True, slots=True)
class Difference:
    """The ids that one side lacks and those whose amounts differ; each sorted."""

    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    differing: tuple[tuple[str, Decimal, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class GroupResult:
    """The result of a check for one group. Figures are None where a side could not be read."""

    state: ReconciledPeriod.State
    declared: Figure | None = None
    stored: Figure | None = None
    difference: Difference = field(default_factory=Difference)
    cause: str = ""
    reason: str = ""


def agrees(declared: Figure, stored: Figure, tolerance: Decimal) -> bool:
    """Counts must be equal; sums may be apart by `tolerance`, which is an amount."""
    return declared.count == stored.count and abs(stored.sum - declared.sum) <= tolerance


def compare(declared: Mapping[str, Decimal], stored: Mapping[str, Decimal]) -> Difference:
    """Every id on which the two sides differ."""
    common = declared.keys() & stored.keys()
    differing = ((key, declared[key], stored[key]) for key in common if declared[key] != stored[key])
    return Difference(
        tuple(sorted(declared.keys() - stored.keys())),
        tuple(sorted(stored.keys() - declared.keys())),
        tuple(sorted(differing)),
    )


def unverifiable(cause: ReconciledPeriod.Cause, reason: str, groups: Iterable[str]) -> dict[str, GroupResult]:
    """The same result for every group of the period; for the group '' where there is none, so that a row exists."""
    return {group: GroupResult(State.UNVERIFIABLE, cause=cause, reason=reason) for group in (set(groups) or {""})}
