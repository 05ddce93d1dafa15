"""Compares the shape of each page with the accepted one: learn it, note it, or stop before the page is committed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import transaction

from ingestion import events
from ingestion.core import drift
from ingestion.core.capabilities import AnswersDrift
from ingestion.core.context import Context
from ingestion.core.declarations import contradiction
from ingestion.core.drift import Change, OnDrift
from ingestion.core.errors import SchemaDrift
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Page, Rejected, Stage
from ingestion.core.shapes import LEAST, Shape, enveloped, sample, shape_of
from ingestion.core.stages import Prepared
from ingestion.database.inserts import insert
from ingestion.models import KnownShape, Run, TenantQuerySet
from ingestion.running import claims

LEARNED = 60
"""Sampled records after which a shape is only written when it changes."""


@dataclass(frozen=True, slots=True)
class PageShape:
    """A page's shape, and how it differs from the accepted one."""

    shape: Shape
    """Includes the small pages before this one, until they are enough to say that a field is gone."""
    absent: frozenset[str]
    changes: tuple[Change, ...] = ()

    @property
    def drifted(self) -> list[Change]:
        return [change for change in self.changes if change.is_drift]

    def adopt(self, accepted: Shape, changes: Sequence[Change], *, settled: bool) -> Shape:
        """The accepted shape with what this page changes."""
        return drift.adopt(accepted, self.shape, changes, counting=not settled or self.shape.records >= LEAST)


@dataclass(slots=True)
class ShapeWatch:
    """Compares the pages of one execution with the shape that its connection has accepted so far."""

    run: Run
    answer: OnDrift
    is_loaded: bool = False
    accepted: Shape = field(default_factory=Shape)
    settled: bool = False
    """The accepted shape rests on enough records, of another run than this one."""
    small_pages: Shape = field(default_factory=Shape)
    noted: set[str] = field(default_factory=set)
    version: int | None = None
    """The version of the row that holds `accepted`; None while there is no row."""
    uncommitted: Shape | None = None
    """The shape that the open transaction has written in the place of `accepted`."""
    uncommitted_version: int | None = None

    def compare(self, prepared: Prepared, page: Page) -> PageShape | None:
        """Compare a page before it is committed; None when it has no new or changed records.

        The envelope around the records is part of the shape.
        """
        bodies = [] if self.answer.mode == "ignore" else _changed_bodies(prepared)
        if not bodies:
            return None
        shape = enveloped(shape_of(sample(bodies)), page.envelope, last=page.last)
        if not shape.records:
            return None
        if not self.is_loaded:
            self._load_accepted()
        absent = required_but_absent(prepared)
        shape = self.small_pages.merge(shape) if self.small_pages.records else shape
        changes = tuple(drift.compare(self.accepted, shape, absent)) if self.settled else ()
        return PageShape(shape, absent, changes)

    def _load_accepted(self) -> None:
        if (row := _rows(self.run).first()) is not None:
            self.accepted, self.version = drift.from_json(row.shape), row.version
            self.settled = self.accepted.records >= LEAST and row.learned_by_id != _learner(self.run)
        self.is_loaded = True

    def require_accepted(self, page_shape: PageShape, claim: claims.Claim) -> None:
        """Store the shape for an operator and raise SchemaDrift when this page must not be committed."""
        if not self.must_stop(page_shape) or self.run.kind in (Run.Kind.WEBHOOK, Run.Kind.REPLAY):
            return
        with transaction.atomic():
            claims.renew(claim)
            _store_pending(self.run, page_shape, datetime.now(UTC))
        raise self.schema_drift_error(page_shape)

    def must_stop(self, page_shape: PageShape) -> bool:
        """Whether the page stops its run, unless that run cannot be stopped."""
        return any(self.answer.mode == "stop" or change.path in self.answer.vital for change in page_shape.drifted)

    def schema_drift_error(self, page_shape: PageShape) -> SchemaDrift:
        connection = self.run.connection
        changes = drift.sentence(page_shape.drifted)
        stays = "what those before it loaded stays" if self.run.window_end is None else "the watermark has not moved"
        return SchemaDrift(
            f"The source has changed: {changes}. Nothing of this page was loaded, {stays}. "
            f"Look at it (`manage.py ingest shape show {connection.in_shell}`); accept it "
            f"(`manage.py ingest shape accept {connection.in_shell} --reason …`) and retry the run, or wait until the "
            "source is mended."
        )

    def learn(self, page_shape: PageShape, now: datetime) -> None:
        """Write what this page adds to the shape, as the last step of the batch's transaction, and note it once."""
        self.uncommitted = None
        if self.run.kind == Run.Kind.REPLAY:  # records that failed long ago say nothing about the source today
            return self._note(page_shape.drifted)
        if self.must_stop(page_shape):  # deliveries cannot be stopped: they are here already
            if _store_pending(self.run, page_shape, now):
                self._note(page_shape.drifted)
            return None
        if not self._changes_shape(page_shape):
            return None
        return self._note(self._write(page_shape, now))

    def _write(self, page_shape: PageShape, now: datetime) -> Sequence[Change]:
        """Write the shape with what the page adds and return the differences.

        One statement is enough unless another run has written the shape meanwhile.
        """
        self.uncommitted = self._adopt(self.accepted, page_shape, page_shape.changes)
        self.uncommitted_version = (self.version or 0) + 1
        shape = drift.to_json(self.uncommitted)
        if self.version is not None and _rows(self.run).filter(version=self.version).update(
            version=self.uncommitted_version, changed_at=now, shape=shape
        ):
            return page_shape.changes
        row = _insert_row(self.run, now, 1, shape) if self.version is None else _lock_row(self.run, now)
        if self.version is None and (row.version, row.changed_at) == (1, now):  # this run inserted it, no other shard
            return page_shape.changes
        before = drift.from_json(row.shape)
        changes = drift.compare(before, page_shape.shape, page_shape.absent) if self.settled else []
        self.uncommitted = self._adopt(before, page_shape, changes)
        self.uncommitted_version = row.version + 1
        _save(row, now, shape=drift.to_json(self.uncommitted))
        return changes

    def _adopt(self, accepted: Shape, page_shape: PageShape, changes: Sequence[Change]) -> Shape:
        return page_shape.adopt(accepted, changes or _required_changes(page_shape), settled=self.settled)

    def _changes_shape(self, page_shape: PageShape) -> bool:
        few = self.settled and page_shape.shape.records < LEAST
        if self.accepted.records < LEARNED and not few:
            return True
        after = self._adopt(self.accepted, page_shape, page_shape.changes)
        return bool(after.structure != self.accepted.structure)

    def _note(self, changes: Sequence[Change]) -> None:
        drifted = [change for change in changes if change.is_drift]
        added = [change for change in changes if not change.is_drift]
        for name, group in (("drift", drifted), ("shape", added)):
            if group and (text := drift.sentence(group)) not in self.noted:
                events.record(self.run, name, text)

    def continue_from_commit(self, page_shape: PageShape) -> None:
        """Continue from the shape that the batch has committed."""
        if self.uncommitted is not None:
            self.accepted, self.version = self.uncommitted, self.uncommitted_version
        self.noted.add(drift.sentence(page_shape.drifted))
        self.small_pages = page_shape.shape if self.settled and page_shape.shape.records < LEAST else Shape()


def resolve_answer(pipeline: Pipeline, ctx: Context) -> OnDrift:
    """What a connection does when its shape drifts: as its pipeline declares, otherwise as its source says.

    Raises ConfigurationError where a connection's own declaration says something else than its pipeline's.
    """
    if not isinstance(pipeline.source, AnswersDrift):
        return OnDrift(pipeline.drift or "ignore")
    source_answer = pipeline.source.on_drift(ctx)
    if pipeline.drift is None:
        return source_answer
    if source_answer.explicit and source_answer.mode != pipeline.drift:
        raise contradiction(pipeline.name, pipeline.drift, source_answer.mode, "the connection's declaration")
    return dataclasses.replace(source_answer, mode=pipeline.drift)


def _changed_bodies(prepared: Prepared) -> list[bytes]:
    """The raw bytes of new and changed records, without those that could not be read."""
    rejected = [rejection.record.body for rejection in prepared.rejected if rejection.stage != Stage.EXTRACT]
    return [ready.record.body for ready in prepared.ready] + rejected


def required_but_absent(prepared: Prepared) -> frozenset[str]:
    """Paths that the schema requires and no record of the page has; empty when any record was valid."""
    rejected = [rejection for rejection in prepared.rejected if rejection.stage == Stage.VALIDATE]
    if prepared.ready or len(rejected) < LEAST:
        return frozenset()
    missing = _missing_paths(rejected[0])
    for other_rejected in rejected[1:]:
        if not missing:
            break
        missing &= _missing_paths(other_rejected)
    return missing


def _missing_paths(rejected: Rejected) -> frozenset[str]:
    paths = ([part for part in error.path.split(".") if part] for error in rejected.errors if error.code == "missing")
    return frozenset(".".join("[]" if part.isdigit() else part for part in path).replace(".[]", "[]") for path in paths)


def _required_changes(page_shape: PageShape) -> list[Change]:
    """Required fields that are absent, as changes to learn: during learning only the error budget stops a run."""
    return [Change("required", path, "", "") for path in page_shape.absent]


def _learner(run: Run) -> int:
    return run.parent_id or run.pk


def _rows(run: Run) -> TenantQuerySet[KnownShape]:
    return KnownShape.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id)


def _lock_row(run: Run, now: datetime) -> KnownShape:
    """Lock the connection's row until the transaction ends, and insert it first when it is missing."""
    row: KnownShape | None = _rows(run).select_for_update().first()
    return row or _insert_row(run, now, 0, {})


def _insert_row(run: Run, now: datetime, version: int, shape: dict[str, object]) -> KnownShape:
    """Insert the connection's row with that shape; when another shard inserts it at this moment, return that row."""
    values = {
        "tenant_id": run.tenant_id,
        "connection_id": run.connection_id,
        "learned_by_id": _learner(run),
        "version": version,
        "shape": shape,
        "changed_at": now,
        "accepted_by": "",
        "pending_changes": [],
    }
    insert(KnownShape, [values], now, key=("connection",), updates=("tenant",))
    row: KnownShape = _rows(run).select_for_update().get()
    return row


def _save(row: KnownShape, now: datetime, **values: object) -> None:
    KnownShape.unscoped.filter(pk=row.pk).update(version=row.version + 1, changed_at=now, **values)


def _store_pending(run: Run, page_shape: PageShape, now: datetime) -> bool:
    """Store the page's shape and its differences for an operator to accept. False when the same are stored already."""
    row = _lock_row(run, now)
    accepted = drift.from_json(row.shape)
    changes = [dataclasses.asdict(change) for change in page_shape.changes]
    if row.pending is not None and row.pending_changes == changes:
        return False
    pending = drift.to_json(page_shape.adopt(accepted, page_shape.changes, settled=True))
    since = row.pending_since if row.pending is not None else now
    _save(row, now, pending=pending, pending_changes=changes, pending_run_id=run.pk, pending_since=since)
    return True
