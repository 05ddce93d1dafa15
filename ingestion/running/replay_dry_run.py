"""The dry run of a replay: what it would do with each dead letter, through the whole path and rolled back."""

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
from ingestion.dead_letters.replay import with_dead_letters
from ingestion.models import Connection, DeadLetter, Run
from ingestion.running.dry_run import DryRun, RecordOutcome
from ingestion.running.newer_rows import FORCE
from ingestion.running.placeholders import PlaceholderRows

_REASONS = {
    STALE: "the stored row is newer and would not be overwritten",
    OVERTAKEN: "the stored row was written after this letter, and its table has no version column",
    UNCHANGED: "it is stored as it is here",
}
_OVERWRITES = "the stored row would be overwritten: its table has no version column that tells which one is newer"
_MOST_REASONS = 3
"""Reasons that are shown for one dead letter."""


@dataclass(slots=True)
class LetterOutcome:
    """How many records of one dead letter would be inserted, updated, left or fail, and why."""

    dead_letter: DeadLetter
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, None] = field(default_factory=dict)

    @property
    def would(self) -> str:
        """In words. Most dead letters hold one record; one that its source splits holds many."""
        if not self.outcomes:
            return "stay open"
        if self.outcomes.total() == 1:
            return next(iter(self.outcomes))
        return ", ".join(f"{word} {number}" for word, number in self.outcomes.items())

    @property
    def reason(self) -> str:
        more = len(self.reasons) - _MOST_REASONS
        return "; ".join([*list(self.reasons)[:_MOST_REASONS], *([f"and {more} more reasons"] if more > 0 else [])])

    def add(self, outcome: RecordOutcome, *, versioned: bool) -> None:
        self.outcomes[outcome.would] += 1
        reason = _REASONS.get(outcome.reason, outcome.reason) if outcome.would == "leave" else outcome.reason
        if outcome.would == "update" and not versioned:
            reason = _OVERWRITES
        if reason:
            self.reasons[reason] = None


@dataclass(slots=True)
class ReplayReport:
    """What one replay run would do."""

    connection: Connection
    letters: list[LetterOutcome]
    notes: list[str] = field(default_factory=list)
    failure: str = ""
    """Why the run would fail; the dead letters after that point have no outcome."""


def dry_run_replay(connection: Connection, ids: Collection[int], *, over_newer: bool = False) -> ReplayReport:
    """Replay the open dead letters `ids` of `connection`, and write nothing.

    Raises UnknownPipeline when the pipeline's code is gone. Bugs of the engine are raised too.
    """
    pipeline = registry.get(connection.pipeline)
    rows = DeadLetter.objects.for_tenant(connection.tenant).filter(connection=connection, pk__in=ids)
    rows = rows.defer("payload").select_related("tenant", "connection").order_by("pk")
    outcomes = {row.identity: LetterOutcome(row) for row in rows}
    report = ReplayReport(connection, list(outcomes.values()))
    versioned = versions(pipeline.destination)

    def on_outcome(page: Page, outcome: RecordOutcome) -> None:
        for identity in page.settles or (writing.identity(outcome.record),):
            outcomes[identity].add(outcome, versioned=versioned)

    try:
        placeholders = PlaceholderRows(connection.tenant, pipeline, connection.name, kind=Run.Kind.REPLAY)
        placeholders.run.params = {FORCE: True} if over_newer else {}
        attempt = DryRun(pipeline, placeholders, {}, on_outcome)
        source = with_dead_letters(attempt.pipeline, Q(connection=connection, pk__in=ids)).source
        for page in source.extract(attempt.ctx, None):
            attempt.process(page)
            report.notes += page.notes
    except (IngestionError, Error, OSError) as error:
        report.failure = f"{type(error).__name__}: {error}"
    return report
