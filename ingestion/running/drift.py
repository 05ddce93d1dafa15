"""The shape of each page against the one that is accepted: learn it, note it, or stop before the page is committed."""

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
"""Records of the samples after which a shape is only written when it changes."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page's shape, and how it differs from the accepted one."""

    shape: Shape
    """With the small pages before it, until they are enough to say that a field is gone."""
    lacking: frozenset[str]
    changes: tuple[Change, ...] = ()

    @property
    def drifted(self) -> list[Change]:
        return [one for one in self.changes if one.is_drift]

    def adopted(self, known: Shape, changes: Sequence[Change], *, settled: bool) -> Shape:
        return drift.adopt(known, self.shape, changes, counting=not settled or self.shape.records >= LEAST)


@dataclass(slots=True)
class Watch:
    """What one execution of a run knows about its connection's shape."""

    run: Run
    answer: OnDrift
    looked_up: bool = False
    known: Shape = field(default_factory=Shape)
    settled: bool = False
    """The shape rests on enough records, of another run than this one."""
    gathered: Shape = field(default_factory=Shape)
    noted: set[str] = field(default_factory=set)
    version: int | None = None
    """That of the row that holds `known`; None while there is none."""
    written: Shape | None = None
    """What the transaction that is open makes of `known`."""
    written_as: int | None = None
    """The version that the row has then."""

    def look(self, prepared: Prepared, page: Page) -> Seen | None:
        """Judge a page before it is committed. None when nothing is to be learned from it.

        What stands around its records is part of the shape wherever the records are.
        """
        bodies = [] if self.answer.mode == "ignore" else _changed(prepared)
        if not bodies:
            return None
        shape = enveloped(shape_of(sample(bodies)), page.envelope, last=page.last)
        if not shape.records:
            return None
        if not self.looked_up:
            self._look_up()
        lacking = required_but_absent(prepared)
        shape = self.gathered.merge(shape) if self.gathered.records else shape
        changes = tuple(drift.compare(self.known, shape, lacking)) if self.settled else ()
        return Seen(shape, lacking, changes)

    def _look_up(self) -> None:
        if (row := _rows(self.run).first()) is not None:
            self.known, self.version = drift.from_json(row.shape), row.version
            self.settled = self.known.records >= LEAST and row.learned_by_id != _learner(self.run)
        self.looked_up = True

    def require(self, seen: Seen, claim: claims.Claim) -> None:
        """Raise SchemaDrift when this page must not be committed; what it would take to accept it is stored then."""
        if not self.stops(seen) or self.run.kind in (Run.Kind.WEBHOOK, Run.Kind.REPLAY):
            return
        with transaction.atomic():
            claims.renew(claim)
            _hold(self.run, seen, datetime.now(UTC))
        raise self.refusal(seen)

    def stops(self, seen: Seen) -> bool:
        """Whether the page stops a run that can be stopped."""
        return any(self.answer.mode == "stop" or one.path in self.answer.vital for one in seen.drifted)

    def refusal(self, seen: Seen) -> SchemaDrift:
        connection = self.run.connection
        stays = "what those before it loaded stays" if self.run.window_end is None else "the watermark has not moved"
        return SchemaDrift(
            f"The source has changed: {drift.sentence(seen.drifted)}. Nothing of this page was loaded, {stays}. "
            f"Look at it (`manage.py ingest shape show {connection.in_shell}`); accept it "
            f"(`manage.py ingest shape accept {connection.in_shell} --reason …`) and retry the run, or wait until the "
            "source is mended."
        )

    def learn(self, seen: Seen, now: datetime) -> None:
        """Inside the batch's transaction, last: write what this page adds, and note it once in the timeline."""
        self.written = None
        if self.run.kind == Run.Kind.REPLAY:  # what failed long ago says nothing about the source today
            return self._note(seen.drifted)
        if self.stops(seen):  # deliveries cannot be stopped: they are here already
            return self._hold_back(seen, now)
        if not self._adds(seen):
            return None
        return self._note(self._write(seen, now))

    def _write(self, seen: Seen, now: datetime) -> Sequence[Change]:
        """Write the shape with what the page adds, and how it differs; in one statement while nobody else writes it."""
        self.written = seen.adopted(self.known, seen.changes or _lacking(seen), settled=self.settled)
        self.written_as = (self.version or 0) + 1
        shape = drift.to_json(self.written)
        if self.version is not None and _rows(self.run).filter(version=self.version).update(
            version=self.written_as, changed_at=now, shape=shape
        ):
            return seen.changes
        row = _made(self.run, now, 1, shape) if self.version is None else _locked(self.run, now)
        if self.version is None and (row.version, row.changed_at) == (1, now):  # made by us, and not by another shard
            return seen.changes
        before = drift.from_json(row.shape)
        changes = drift.compare(before, seen.shape, seen.lacking) if self.settled else []
        self.written = seen.adopted(before, changes or _lacking(seen), settled=self.settled)
        self.written_as = row.version + 1
        _save(row, now, shape=drift.to_json(self.written))
        return changes

    def _adds(self, seen: Seen) -> bool:
        few = self.settled and seen.shape.records < LEAST
        if self.known.records < LEARNED and not few:
            return True
        after = seen.adopted(self.known, seen.changes or _lacking(seen), settled=self.settled)
        return bool(after.structure != self.known.structure)

    def _hold_back(self, seen: Seen, now: datetime) -> None:
        if _hold(self.run, seen, now):
            self._note(seen.drifted)

    def _note(self, changes: Sequence[Change]) -> None:
        drifted = [one for one in changes if one.is_drift]
        added = [one for one in changes if not one.is_drift]
        for name, some in (("drift", drifted), ("shape", added)):
            if some and (text := drift.sentence(some)) not in self.noted:
                events.record(self.run, name, text)

    def landed(self, seen: Seen) -> None:
        """After the commit: go on from what it wrote."""
        if self.written is not None:
            self.known, self.version = self.written, self.written_as
        self.noted.add(drift.sentence(seen.drifted))
        self.gathered = seen.shape if self.settled and seen.shape.records < LEAST else Shape()


def watch(run: Run, pipeline: Pipeline, ctx: Context) -> Watch:
    return Watch(run, answer(pipeline, ctx))


def answer(pipeline: Pipeline, ctx: Context) -> OnDrift:
    """What a connection does when its shape drifts: as its pipeline declares, else as its source says.

    Raises ConfigurationError where a connection's own declaration says something else than its pipeline's.
    """
    if not isinstance(pipeline.source, AnswersDrift):
        return OnDrift(pipeline.drift or "ignore")
    said = pipeline.source.on_drift(ctx)
    if pipeline.drift is None:
        return said
    if said.explicit and said.mode != pipeline.drift:
        raise contradiction(pipeline.name, pipeline.drift, said.mode, "the connection's declaration")
    return dataclasses.replace(said, mode=pipeline.drift)


def _changed(prepared: Prepared) -> list[bytes]:
    """The raw new and changed records, but for those that could not even be read."""
    rejected = [one.record.body for one in prepared.rejected if one.stage != Stage.EXTRACT]
    return [one.record.body for one in prepared.ready] + rejected


def required_but_absent(prepared: Prepared) -> frozenset[str]:
    """Paths that the schema missed in every record of a page of which none got through."""
    rejected = [one for one in prepared.rejected if one.stage == Stage.VALIDATE]
    if prepared.ready or len(rejected) < LEAST:
        return frozenset()
    missing = _missing(rejected[0])
    for one in rejected[1:]:
        if not missing:
            break
        missing &= _missing(one)
    return missing


def _missing(one: Rejected) -> frozenset[str]:
    paths = ([part for part in error.path.split(".") if part] for error in one.errors if error.code == "missing")
    return frozenset(".".join("[]" if part.isdigit() else part for part in path).replace(".[]", "[]") for path in paths)


def _lacking(seen: Seen) -> list[Change]:
    """While everything is learned, so is what the schema requires in vain; the error budget answers that."""
    return [Change("required", path, "", "") for path in seen.lacking]


def _learner(run: Run) -> int:
    return run.parent_id or run.pk


def _rows(run: Run) -> TenantQuerySet[KnownShape]:
    return KnownShape.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id)


def _locked(run: Run, now: datetime) -> KnownShape:
    """The connection's row, made when it is not there, and ours until the transaction ends."""
    row: KnownShape | None = _rows(run).select_for_update().first()
    return row or _made(run, now, 0, {})


def _made(run: Run, now: datetime, version: int, shape: dict[str, object]) -> KnownShape:
    """The connection's row, made with that shape; when another shard makes it at this moment, that one as it is."""
    fresh = {
        "tenant_id": run.tenant_id, "connection_id": run.connection_id, "learned_by_id": _learner(run),
        "version": version, "shape": shape, "changed_at": now, "accepted_by": "", "pending_changes": [],
    }  # fmt: skip
    insert(KnownShape, [fresh], now, key=("connection",), updates=("tenant",))
    row: KnownShape = _rows(run).select_for_update().get()
    return row


def _save(row: KnownShape, now: datetime, **values: object) -> None:
    KnownShape.unscoped.filter(pk=row.pk).update(version=row.version + 1, changed_at=now, **values)


def _hold(run: Run, seen: Seen, now: datetime) -> bool:
    """Keep the page's shape and the diff for whoever accepts it. False when the same waits already."""
    row = _locked(run, now)
    known = drift.from_json(row.shape)
    changes = [dataclasses.asdict(one) for one in seen.changes]
    if row.pending is not None and row.pending_changes == changes:
        return False
    pending = drift.to_json(seen.adopted(known, seen.changes, settled=True))
    since = row.pending_since if row.pending is not None else now
    _save(row, now, pending=pending, pending_changes=changes, pending_run_id=run.pk, pending_since=since)
    return True
