"""Dry run: the whole path of a run, with nothing written. Every page is loaded and rolled back.

The source is really read, so it should be one that may be read twice. A destination that writes outside of Django's
databases is not rolled back.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db import Error

from ingestion import null_hooks
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
"""Rejected records that a report lists; further ones are only counted."""


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
    """What was proved or could not be checked: subject, verdict, number of times."""
    rejected: int = 0
    rejections: list[Rejected] = field(default_factory=list)
    """The first SHOWN rejected records."""
    verdicts: list[str] = field(default_factory=list)
    """A sentence for each control total."""
    notes: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    """How the shape of the records differs from the accepted one; a run that stops on it is a failure."""
    failure: str = ""
    """Why the run would fail; empty when it would not."""
    complete: bool = True
    """False when `limit_pages` ended the dry run before the source did; control totals are not compared then."""

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
    """Read and load everything that the next run of `tenant` through `pipeline` would, and write nothing.

    `name` distinguishes several connections of the pipeline; the tenant needs none yet. `files` (name, bytes) take the
    place of an upload. A failure that would end the run is part of the report; only bugs of the engine are raised. A
    stored config that would be refused today hinders no run, and is a note. Raises UnknownPipeline.
    """
    if isinstance(pipeline, str):
        pipeline = registry.get(pipeline)
    attempt = DryRun(pipeline, PlaceholderRows(tenant, pipeline, name, files), dict(config or {}))
    try:
        _require_acceptable(pipeline, files)
        _check_config(attempt, pipeline, written=bool(config or files))
        attempt.read_all(limit_pages)
    except (IngestionError, Error, OSError) as error:
        attempt.report.failure = f"{type(error).__name__}: {error}"
    return attempt.report


def _check_config(attempt: DryRun, pipeline: Pipeline, *, written: bool) -> None:
    """Refuse what is `written` for this one run or upload; of what is stored only a note says so, as in a run."""
    try:
        check_config(pipeline, attempt.ctx.config, attempt.rows.connection.config)
    except Exception as error:
        if written:
            raise
        attempt.report.notes.append(f"The connection's config would be refused today; a run goes on. {error}")


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """What a run would do with one record, and why."""

    record: Record
    would: Literal["insert", "update", "leave", "fail"]
    reason: str = ""


class DryRun:
    """Executes pages and rolls them back; later pages see the rows that earlier ones would have stored.

    `on_outcome` is called for every record that the source did not leave out.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        rows: PlaceholderRows,
        config: Mapping[str, Any],
        on_outcome: Callable[[Page, RecordOutcome], None] = null_hooks.ignore,
    ) -> None:
        self.on_outcome = on_outcome
        self.rows = rows
        self.ctx = rows.context(config)
        self.pipeline = pipeline.for_connection(self.ctx)
        self.report = Report(rows.tenant.key, pipeline.name, rows.window)
        self._loaded: dict[str, Stored] = {}
        self._tally: dict[str, Any] = {}
        self._repeats = False
        self._shape_watch = drift.ShapeWatch(rows.run, drift.resolve_answer(pipeline, self.ctx))

    def read_all(self, limit_pages: int | None) -> None:
        for page in self.pipeline.source.extract(self.ctx, None):
            self.process(page)
            if self.pipeline.error_budget.exceeded(self.report.read, self.report.rejected):
                raise self._budget_error()
            if self.report.pages == limit_pages:
                self.report.complete = False
                pages = "1 page was" if limit_pages == 1 else f"{limit_pages} pages were"
                checks = (check.name for check in self.pipeline.reconciliations)
                self.report.verdicts += [f"{name}: not checked, because only {pages} read" for name in checks]
                return
        budget = self.pipeline.error_budget
        if not self.ctx.inbox and budget.exceeded_at_the_end(self.report.read, self.report.rejected):
            raise self._budget_error()
        self._verify_totals()

    def _budget_error(self) -> ErrorBudgetExceeded:
        return ErrorBudgetExceeded(self.pipeline.error_budget.breach(self.report.read, self.report.rejected))

    def process(self, page: Page) -> None:
        stored: dict[str, Stored] = {}

        def lookup(keys: Sequence[str]) -> Mapping[str, Stored]:
            rows = dict(self.pipeline.destination.stored(self.ctx, keys))
            rows.update((key, self._loaded[key]) for key in keys if key in self._loaded)
            stored.update(rows)
            return rows

        prepared = stages.prepare(self.pipeline, self.ctx, page, lookup, blames=errors.is_of_record)
        page, prepared = newer_rows.leave_newer(self.rows.run, self.pipeline, self.ctx, page, prepared)
        self._compare_shape(page, prepared)
        self._repeats = self._repeats or any(skip.record.key in self._loaded for skip in prepared.skipped)
        with rolled_back():
            self.rows.insert()
            loaded = self.pipeline.destination.load(self.ctx, prepared.ready)
            rejected = [*prepared.rejected, *loaded.rejected]
            counts = verification.count(prepared, loaded)
            self._tally = verification.add(self.pipeline, self.ctx, self._tally, page, prepared, loaded)
        for ready in loaded.ready:
            key = self.pipeline.destination.key_of(ready.row)
            self.report.updates += key in stored
            self.report.inserts += key not in stored
            self.on_outcome(page, RecordOutcome(ready.record, "update" if key in stored else "insert"))
            self._loaded[key] = Stored(ready.digest, self.pipeline.destination.version_of(ready.row))
        for skip in prepared.skipped:
            self.on_outcome(page, RecordOutcome(skip.record, "leave", skip.reason))
        for bad in rejected:
            self.on_outcome(page, RecordOutcome(bad.record, "fail", describe_errors(bad)))
        self.report.pages += 1
        self.report.read += counts.read
        self.report.skipped.update(skip.reason for skip in prepared.skipped)
        self.report.left_out = reasons.add(self.report.left_out, page.left_out)
        self.report.proofs = reasons.add_proofs(self.report.proofs, page.proofs, self.rows.tenant.pk)
        self.report.rejected += counts.dead
        self.report.rejections += rejected[: max(0, SHOWN - len(self.report.rejections))]
        self.report.notes += [*page.titles, *page.notes, *loaded.notes]

    def _compare_shape(self, page: Page, prepared: stages.Prepared) -> None:
        """Compare the page with the accepted shape, whose row stays as it is."""
        page_shape = self._shape_watch.compare(prepared, page)
        if page_shape is None:
            return
        self.report.drift += [text for text in map(str, page_shape.changes) if text not in self.report.drift]
        if self._shape_watch.must_stop(page_shape) and self.rows.run.kind != Run.Kind.REPLAY:
            raise self._shape_watch.schema_drift_error(page_shape)
        self._shape_watch.continue_from_commit(page_shape)

    def _verify_totals(self) -> None:
        pipeline = self.pipeline
        if self._repeats:  # rows of earlier pages are rolled back, so no sum over them can be computed
            counts = tuple(check for check in pipeline.reconciliations if check.name == "count")
            sums = (check.name for check in pipeline.reconciliations if check.name != "count")
            self.report.verdicts += [f"{name}: not checked, because records repeat on later pages" for name in sums]
            pipeline = dataclasses.replace(pipeline, reconciliations=counts)
        self.report.verdicts += verification.verify(
            pipeline, self._tally, self.report.proofs, windowed=not self.ctx.inbox
        )


def describe_errors(rejected: Rejected) -> str:
    """All errors of the record, in one line."""
    texts = (f"{error.path}: {error.message}" if error.path else error.message for error in rejected.errors)
    return "; ".join(texts) or rejected.error_class


def _require_acceptable(pipeline: Pipeline, files: Sequence[tuple[str, bytes]]) -> None:
    """Raise the error that an upload of `files` would be refused with."""
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
