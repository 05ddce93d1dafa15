"""Dry run: the whole path of a run, with nothing written. Every page is loaded for real and rolled back.

The source is really read, so it should be one that may be read twice. A destination of your own that writes outside
Django's databases is beyond the rollback.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import Error

from ingestion.conf import config as settings
from ingestion.core import registry, stages
from ingestion.core.configs import check_config
from ingestion.core.destinations import Stored
from ingestion.core.errors import ErrorBudgetExceeded, FileTooLarge, IngestionError, UnreadableFile
from ingestion.core.ingestion_modes import require_files
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Page, Record, Rejected
from ingestion.core.text import counted
from ingestion.core.windows import Window
from ingestion.database import errors
from ingestion.models import Run, Tenant
from ingestion.running import drift, newer_rows, reasons, verification
from ingestion.running.placeholders import PlaceholderRows, rolled_back

SHOWN = 20
"""Rejected records a report carries whole; the others are only counted."""


@dataclass(slots=True)
class Report:
    """What a run would do. `read` is always inserts + updates + skipped + rejected."""

    tenant: str
    pipeline: str
    window: Window | None
    pages: int = 0
    read: int = 0
    inserts: int = 0
    updates: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """How many records for each reason."""
    left_out: dict[str, int] = field(default_factory=dict)
    """What the source left out on purpose, by reason."""
    proofs: dict[str, dict[str, int]] = field(default_factory=dict)
    """What was proved or could not be checked: subject, verdict, how many times."""
    rejected: int = 0
    rejections: list[Rejected] = field(default_factory=list)
    """The first SHOWN of them."""
    verdicts: list[str] = field(default_factory=list)
    """A sentence for each control total."""
    notes: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    """How the shape of the records differs from the accepted one; a run that stops on it is a failure."""
    failure: str = ""
    """Why the run would fail; empty when it would not."""
    complete: bool = True
    """False when `limit_pages` ended the dry run before the source did; control totals are not judged then."""

    @property
    def outcome(self) -> Run.State:
        if self.failure:
            return Run.State.FAILED
        return Run.State.PARTIAL if self.rejected else Run.State.SUCCEEDED


def dry_run(
    tenant: Tenant,
    pipeline: Pipeline | str,
    *,
    name: str = "",
    files: Sequence[tuple[str, bytes]] = (),
    config: Mapping[str, Any] | None = None,
    limit_pages: int | None = None,
) -> Report:
    """Take everything the next run of `tenant` would read through `pipeline`, and write nothing.

    `name` tells several connections of the pipeline apart; the tenant needs none yet. `files` (name, bytes) stand in
    for an upload. A failure that would end the run is part of the report; only what would be our own bug is raised. A
    stored config that would be refused today hinders no run, and is a note. Raises UnknownPipeline.
    """
    if isinstance(pipeline, str):
        pipeline = registry.get(pipeline)
    rehearsal = Rehearsal(pipeline, PlaceholderRows(tenant, pipeline, name, files), dict(config or {}))
    try:
        _check_files(pipeline, files)
        _judge_config(rehearsal, pipeline, written=bool(config or files))
        rehearsal.play(limit_pages)
    except (IngestionError, Error, OSError) as error:
        rehearsal.report.failure = f"{type(error).__name__}: {error}"
    return rehearsal.report


def _judge_config(rehearsal: Rehearsal, pipeline: Pipeline, *, written: bool) -> None:
    """Refuse what is `written` for this one run or upload; of what is stored only a note says so, as in a run."""
    try:
        check_config(pipeline, rehearsal.ctx.config, rehearsal.rows.connection.config)
    except Exception as error:
        if written:
            raise
        rehearsal.report.notes.append(f"The connection's config would be refused today; a run goes on. {error}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would become of one record, and why."""

    record: Record
    would: Literal["insert", "update", "leave", "fail"]
    reason: str = ""


def _nobody(page: Page, outcome: Outcome) -> None:
    return None


class Rehearsal:
    """Pages on their way, and what earlier pages would have left behind for later ones to find.

    `tell` hears of every record that was not left out.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        rows: PlaceholderRows,
        config: Mapping[str, Any],
        tell: Callable[[Page, Outcome], None] = _nobody,
    ) -> None:
        self.tell = tell
        self.rows = rows
        self.ctx = rows.context(config)
        self.pipeline = pipeline.for_connection(self.ctx)
        self.report = Report(rows.tenant.key, pipeline.name, rows.window)
        self._loaded: dict[str, Stored] = {}
        self._tally: dict[str, Any] = {}
        self._repeats = False
        self._watch = drift.watch(rows.run, pipeline, self.ctx)

    def play(self, limit_pages: int | None) -> None:
        for page in self.pipeline.source.extract(self.ctx, None):
            self.page(page)
            if self.pipeline.error_budget.exceeded(self.report.read, self.report.rejected):
                raise self._over_budget()
            if self.report.pages == limit_pages:
                self.report.complete = False
                pages = "1 page was" if limit_pages == 1 else f"{limit_pages} pages were"
                checks = (check.name for check in self.pipeline.reconciliations)
                self.report.verdicts += [f"{name}: not checked, because only {pages} read" for name in checks]
                return
        budget = self.pipeline.error_budget
        if not self.ctx.inbox and budget.exceeded_at_the_end(self.report.read, self.report.rejected):
            raise self._over_budget()
        self._judge()

    def _over_budget(self) -> ErrorBudgetExceeded:
        return ErrorBudgetExceeded(self.pipeline.error_budget.breach(self.report.read, self.report.rejected))

    def page(self, page: Page) -> None:
        known: dict[str, Stored] = {}

        def lookup(keys: Sequence[str]) -> Mapping[str, Stored]:
            found = dict(self.pipeline.destination.stored(self.ctx, keys))
            found.update((key, self._loaded[key]) for key in keys if key in self._loaded)
            known.update(found)
            return found

        prepared = stages.prepare(self.pipeline, self.ctx, page, lookup, blames=errors.is_of_record)
        page, prepared = newer_rows.set_aside(self.rows.run, self.pipeline, self.ctx, page, prepared)
        self._look(page, prepared)
        self._repeats = self._repeats or any(one.record.key in self._loaded for one in prepared.skipped)
        with rolled_back():
            self.rows.insert()
            loaded = self.pipeline.destination.load(self.ctx, prepared.ready)
            rejected = [*prepared.rejected, *loaded.rejected]
            counts = verification.count(prepared, loaded)
            self._tally = verification.add(self.pipeline, self.ctx, self._tally, page, prepared, loaded)
        for one in loaded.ready:
            key = self.pipeline.destination.key_of(one.row)
            self.report.updates += key in known
            self.report.inserts += key not in known
            self.tell(page, Outcome(one.record, "update" if key in known else "insert"))
            self._loaded[key] = Stored(one.digest, self.pipeline.destination.version_of(one.row))
        for skip in prepared.skipped:
            self.tell(page, Outcome(skip.record, "leave", skip.reason))
        for bad in rejected:
            self.tell(page, Outcome(bad.record, "fail", why(bad)))
        self.report.pages += 1
        self.report.read += counts.read
        self.report.skipped.update(one.reason for one in prepared.skipped)
        self.report.left_out = reasons.add(self.report.left_out, page.left_out)
        self.report.proofs = reasons.add_proofs(self.report.proofs, page.proofs, self.rows.tenant.pk)
        self.report.rejected += counts.dead
        self.report.rejections += rejected[: max(0, SHOWN - len(self.report.rejections))]
        self.report.notes += [*page.titles, *page.notes, *loaded.notes]

    def _look(self, page: Page, prepared: stages.Prepared) -> None:
        """Against the shape that is accepted; what this page adds is nobody's afterwards."""
        seen = self._watch.look(prepared, page)
        if seen is None:
            return
        self.report.drift += [text for text in map(str, seen.changes) if text not in self.report.drift]
        if self._watch.stops(seen) and self.rows.run.kind != Run.Kind.REPLAY:
            raise self._watch.refusal(seen)
        self._watch.landed(seen)

    def _judge(self) -> None:
        judged = self.pipeline
        if self._repeats:  # rows of earlier pages are rolled back, so a sum over them cannot be taken
            counts = tuple(check for check in judged.reconciliations if check.name == "count")
            sums = (check.name for check in judged.reconciliations if check.name != "count")
            self.report.verdicts += [f"{name}: not checked, because records repeat on later pages" for name in sums]
            judged = dataclasses.replace(judged, reconciliations=counts)
        self.report.verdicts += verification.verify(
            judged, self._tally, self.report.proofs, windowed=not self.ctx.inbox
        )


def why(rejected: Rejected) -> str:
    """All that is wrong with the record, in one line."""
    texts = (f"{error.path}: {error.message}" if error.path else error.message for error in rejected.errors)
    return "; ".join(texts) or rejected.error_class


def _check_files(pipeline: Pipeline, files: Sequence[tuple[str, bytes]]) -> None:
    """What an upload would refuse."""
    limit = settings().MAX_UPLOAD_BYTES
    for name, data in files:
        if not data:
            raise UnreadableFile(f"{name} is empty.")
        if len(data) > limit:
            raise FileTooLarge(
                f'{name} has {counted(len(data), "byte")}; the limit is {limit} (INGESTION["MAX_UPLOAD_BYTES"]).'
            )
    if files:
        require_files(pipeline)
