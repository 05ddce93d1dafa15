"""What a replay of dead letters would do to each of them: the whole path, rolled back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db import Error
from django.db.models import Q

from ingestion.core import registry
from ingestion.core.destinations import versions
from ingestion.core.errors import IngestionError
from ingestion.core.records import OVERTAKEN, STALE, UNCHANGED, Page
from ingestion.dead_letters import writing
from ingestion.dead_letters.replay import replaying
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running.dry_run import Outcome, Rehearsal
from ingestion.running.newer_rows import FORCE
from ingestion.running.placeholders import PlaceholderRows

_REASONS = {
    STALE: "the stored row is newer and would not be overwritten",
    OVERTAKEN: "the stored row was written after this letter, and its table has no version column",
    UNCHANGED: "it is stored as it is here",
}
_OVERWRITES = "the stored row would be overwritten: its table has no version column that tells which one is newer"
_MOST = 3
"""Reasons that are told of one letter."""


@dataclass(slots=True)
class Fate:
    """What would become of one letter: how many of its records would be inserted, updated, left or fail, and why."""

    dead_letter: DeadLetter
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, None] = field(default_factory=dict)

    @property
    def would(self) -> str:
        """In words: one record is the rule, a letter that its source takes apart holds many."""
        if not self.outcomes:
            return "stay open"
        if self.outcomes.total() == 1:
            return next(iter(self.outcomes))
        return ", ".join(f"{word} {number}" for word, number in self.outcomes.items())

    @property
    def reason(self) -> str:
        more = len(self.reasons) - _MOST
        return "; ".join([*list(self.reasons)[:_MOST], *([f"and {more} more reasons"] if more > 0 else [])])

    def add(self, outcome: Outcome, *, versioned: bool) -> None:
        self.outcomes[outcome.would] += 1
        reason = _REASONS.get(outcome.reason, outcome.reason) if outcome.would == "leave" else outcome.reason
        if outcome.would == "update" and not versioned:
            reason = _OVERWRITES
        if reason:
            self.reasons[reason] = None


@dataclass(slots=True)
class Rehearsed:
    """What one replay run would do."""

    connection: Connection
    fates: list[Fate]
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    """Why the run would fail; the letters after that point have no outcome."""


def rehearse(connection: Connection, ids: Collection[int], *, over_newer: bool = False) -> Rehearsed:
    """Take the open letters `ids` of `connection` through its pipeline again, and write nothing.

    Raises UnknownPipeline when its code is gone, and what would be our own bug.
    """
    pipeline = registry.get(connection.pipeline)
    chosen = DeadLetter.objects.for_tenant(connection.tenant).filter(connection=connection, pk__in=ids)
    fates = {
        row.identity: Fate(row) for row in chosen.defer("payload").select_related("tenant", "connection").order_by("pk")
    }
    rehearsed = Rehearsed(connection, list(fates.values()))
    versioned = versions(pipeline.destination)

    def tell(page: Page, outcome: Outcome) -> None:
        names = page.settles or (writing.identity(outcome.record),)
        for name in names:
            fates[name].add(outcome, versioned=versioned)

    try:
        rows = PlaceholderRows(connection.tenant, pipeline, connection.name, kind=Run.Kind.REPLAY)
        rows.run.params = {FORCE: True} if over_newer else {}
        rehearsal = Rehearsal(pipeline, rows, {}, tell)
        source = replaying(rehearsal.pipeline, Q(connection=connection, pk__in=ids)).source
        for page in source.extract(rehearsal.ctx, None):
            rehearsal.page(page)
            rehearsed.notes += page.notes
    except (IngestionError, Error, OSError) as error:
        rehearsed.failure = f"{type(error).__name__}: {error}"
    return rehearsed
