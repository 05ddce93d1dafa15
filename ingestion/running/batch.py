"""One page becomes one transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, Q, QuerySet

from ingestion import artifacts, deliveries, events
from ingestion.conf import config
from ingestion.core import stages
from ingestion.core.destinations import AlreadyStored, Inserts, Loaded, RowRefused, Stored, versions
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import OVERTAKEN, STALE, Counts, Page, Ready, Record, Rejected
from ingestion.database import errors
from ingestion.database.inserts import insert
from ingestion.dead_letters import recovery, writing
from ingestion.dead_letters.lookup import OpenLetters
from ingestion.models import Run, RunArtifact
from ingestion.running import (
    budget,
    claims,
    closing,
    committing,
    drift,
    newer_rows,
    poison_bisection,
    reasons,
    recognition,
    verification,
)
from ingestion.running.execution import Work

_ASIDE = "EXISTS(SELECT 1 FROM (%(subquery)s) AS beside)"
"""MySQL lets no UPDATE ask its own table, but what was asked of it before."""


def process(work: Work, page: Page) -> stages.Prepared | None:
    """Prepare `page` outside any transaction, keep its raw bytes, commit; again while the database is busy.

    What was prepared when it breaks the error budget: none of it is loaded, and the run is to be ended with `refuse`.
    """
    if work.run.deaths >= poison_bisection.DEATHS:
        suspects = poison_bisection.named(work.pipeline, page.records)
        poison_bisection.search(work.run, work.mine, suspects, work.poison, lambda part: _rehearse(work, part))
        work.run.deaths = 0
    prepared = stages.prepare(
        work.pipeline, work.ctx, page, lambda keys: _stored(work, keys), work.poison, errors.is_of_record
    )
    page, prepared = newer_rows.set_aside(work.run, work.pipeline, work.ctx, page, prepared)
    work.seams.at("prepared")
    if work.mine.is_due():
        claims.renew(work.mine)
    seen = work.watch.look(prepared, page)
    if seen is not None and seen.drifted:
        work.watch.require(seen, work.mine)
    if budget.would_break(work, prepared):
        return prepared
    kept = _keep(work, prepared)
    try:
        _land(work, prepared, lambda payloads: _commit(work, page, prepared, kept, payloads, seen))
    except AlreadyStored:  # the source repeats records: from here on what is stored is looked up
        work.first_load = False
        return process(work, page)
    if seen is not None:
        work.watch.landed(seen)
    work.mine.batches += 1
    work.seams.at("committed")
    if budget.exceeded(work, work.read, work.dead):
        raise budget.error(work, work.read, work.dead)
    return None


def _advance(work: Work, checkpoint: Any, values: Mapping[str, Any]) -> None:
    """Move the checkpoint, unless the run is to stop; know whether all letters that are open are known.

    Other runs may open some meanwhile: known ones are then not all there are. All of it is asked in the one statement
    that moves the checkpoint; what it was is looked up only when that moved nothing.
    """
    undisturbed = claims.going_on()
    if work.open_letters.ids is not None:
        undisturbed &= ~Q(Exists(_shards_beside(work), template=_ASIDE))
    if claims.advanced(work.mine, checkpoint, undisturbed, **values):
        return
    if claims.look(work.mine, beside=Exists(_shards_beside(work)))["beside"]:
        work.open_letters = OpenLetters(None)
    claims.advance(work.mine, checkpoint, **values)


def refuse(work: Work, prepared: stages.Prepared) -> None:
    """Fail the run over a page that breaks its error budget: its rejects become dead letters, nothing is loaded."""
    read, bad = work.read + len(prepared), len(prepared.rejected)
    payloads = _keep_payloads(work, prepared.rejected, {})
    with transaction.atomic():  # both or neither: after a crash between the two, the rejects would be counted again
        claims.renew(work.mine)
        writing.write(work.run, prepared.rejected, datetime.now(UTC), payloads)
        work.mine.row.update(read=F("read") + bad, dead=F("dead") + bad)
        closing.end_failed(work.run, work.mine, budget.error(work, read, work.dead + bad))


def _stored(work: Work, keys: Sequence[str]) -> Mapping[str, Stored]:
    # Later pages of a first load may bring older versions of rows, or rows again: a destination that inserts tells so.
    sure = isinstance(work.pipeline.destination, Inserts) or not _versioned(work.pipeline)
    nothing_yet = work.first_load and (work.mine.batches == 0 or sure)
    return {} if nothing_yet else work.pipeline.destination.stored(work.ctx, keys)


def _versioned(pipeline: Pipeline) -> bool:
    return versions(pipeline.destination) or bool(pipeline.reconciliations)


def _keep(work: Work, prepared: stages.Prepared) -> artifacts.Kept | None:
    """The page's new and changed raw records in storage; files and replays have theirs kept already."""
    changed = [*(one.record for one in prepared.ready), *(one.record for one in prepared.rejected)]
    if not config().KEEP_RAW_PAGES or not changed or work.ctx.inbox or work.run.kind == Run.Kind.REPLAY:
        return None
    kept = artifacts.keep_page(work.ctx.tenant, changed, look=bool(prepared.rejected))
    work.seams.at("artifact kept")
    return kept


def _land(work: Work, prepared: stages.Prepared, commit: Callable[[writing.Payloads], None]) -> None:
    """Commit once every large payload of a dead letter is in storage, for no file is written inside a transaction.

    What the database itself refuses is known only then: the batch is rolled back, keeps it, and is committed again.
    Where a refused row ends the transaction, batches have savepoints from the first such row on, and none before it.
    """
    payloads = _keep_payloads(work, prepared.rejected, {})
    while True:
        try:
            return committing.until_it_lands(work, lambda: commit(payloads))  # noqa: B023  called before it changes
        except writing.PayloadNotKept as missing:
            committing.keep_lease(work)
            payloads = _keep_payloads(work, missing.rejected, payloads)
        except RowRefused:
            if not work.ctx.loads_again:  # it had savepoints already: a third time would be no different
                raise
            committing.keep_lease(work)
            work.ctx = dataclasses.replace(work.ctx, loads_again=False)


def _keep_payloads(work: Work, rejected: Sequence[Rejected], kept: writing.Payloads) -> writing.Payloads:
    payloads = writing.keep(work.ctx.tenant, rejected, kept)
    if len(payloads) > len(kept):
        work.seams.at("payloads kept")
    return payloads


def _commit(
    work: Work,
    page: Page,
    prepared: stages.Prepared,
    kept: artifacts.Kept | None,
    payloads: writing.Payloads,
    seen: drift.Seen | None,
) -> None:
    """The batch's transaction: checkpoint, rows, dead letters, counts, totals, artifact and events, or nothing."""
    run, now = work.run, datetime.now(UTC)
    expected, explained = verification.count(prepared, Loaded(prepared.ready)), reasons.columns(run, page, prepared)
    with transaction.atomic():
        _advance(work, page.checkpoint, {**_added(expected), **explained})
        work.seams.at("advanced")
        loaded = _write(work, prepared.ready)
        work.seams.at("loaded")
        rejected = [*prepared.rejected, *loaded.rejected]
        _settle(work, page, prepared, loaded, now)
        buried = datetime.now(UTC)  # after the rows of the page, which are older than its letters
        writing.write(run, rejected, buried, payloads, page.settles)
        told = recognition.recognize(work, rejected)
        if page.deliveries:
            deliveries.settle(run, page.deliveries, now)
        counts = verification.count(prepared, loaded)
        tally = verification.add(work.pipeline, work.ctx, run.tally, page, prepared, loaded)
        if counts != expected or tally != run.tally:  # what only the database could tell
            work.mine.row.update(**_added(counts, expected), tally=tally)
        if kept is not None:
            _link(work, kept)
        for title in page.titles:
            events.record(run, "read", title)
        for note in (*page.notes, *loaded.notes, *told):
            events.record(run, "note", note)
        text = f"batch {work.mine.batches + 1}: {counts.read} read, {counts.ok} loaded, {counts.skipped} skipped, "
        events.record(run, "batch", text + f"{counts.dead} dead", **dataclasses.asdict(counts))
        if seen is not None:
            work.watch.learn(seen, now)
        work.seams.at("before commit")
    run.tally = tally
    for name, value in explained.items():
        setattr(run, name, value)
    work.read, work.dead = work.read + counts.read, work.dead + counts.dead
    work.open_letters.add(rejected)


def _added(counts: Counts, before: Counts | None = None) -> dict[str, Any]:
    """The run's counts with a page's `counts` added, or with what these are more than `before`."""
    less = dataclasses.asdict(before) if before else {}
    return {name: F(name) + number - less.get(name, 0) for name, number in dataclasses.asdict(counts).items()}


def _write(work: Work, rows: Sequence[Ready]) -> Loaded:
    destination = work.pipeline.destination
    if work.first_load and isinstance(destination, Inserts):
        return destination.insert(work.ctx, rows)
    return destination.load(work.ctx, rows)


def _settle(work: Work, page: Page, prepared: stages.Prepared, loaded: Loaded, now: datetime) -> None:
    """Close the open letters of what this batch shows to be fine now: loaded, or skipped after all."""
    left = any(skip.reason == OVERTAKEN for skip in prepared.skipped)
    whole = () if prepared.rejected or loaded.rejected or left else page.settles
    if work.open_letters.none and not whole:
        return
    present, itself = [ready.record for ready in loaded.ready], []
    for skip in prepared.skipped:
        if skip.says_present:
            present.append(skip.record)
        elif skip.reason == STALE or (work.run.kind == Run.Kind.REPLAY and skip.reason != OVERTAKEN):
            itself.append(skip.record)
    fine, itself = list(work.open_letters.among(present)), list(work.open_letters.among(itself))
    if fine or itself or whole:
        recovery.settle(work.run, fine, now, [*whole, *map(writing.identity, itself)])
    if page.formerly is not None:
        names = work.open_letters.named(page.formerly(), [record.key for record in present])
        recovery.supersede(work.run, names)


def _shards_beside(work: Work) -> QuerySet[Run]:
    """Shards of backfills of this connection that may have opened letters since this execution began."""
    shards = Run.unscoped.filter(connection_id=work.run.connection_id, parent__isnull=False)
    return shards.filter(Q(state__in=Run.ACTIVE) | Q(finished_at__gte=work.began))


def _link(work: Work, kept: artifacts.Kept) -> None:
    link = {
        "tenant_id": work.ctx.tenant.id,
        "run_id": work.run.pk,
        "artifact_id": kept.save(),
        "role": RunArtifact.Role.RAW,
        "name": f"batch {work.mine.batches + 1}",
    }
    # Two pages of a run may be the same to the byte; the later one gives the link its name.
    insert(RunArtifact, [link], datetime.now(UTC), key=("run", "artifact", "role"), updates=("name",))


def _rehearse(work: Work, records: Sequence[Record]) -> None:
    """Take records the whole way and roll back, to see whether that ends this process."""
    ctx = dataclasses.replace(work.ctx, spend=_uncounted)  # the batch itself counts, before or after
    prepared = stages.prepare(
        work.pipeline, ctx, Page(records, None), lambda keys: {}, work.poison, errors.is_of_record
    )
    with transaction.atomic():
        work.pipeline.destination.load(dataclasses.replace(work.ctx, loads_again=False), prepared.ready)
        transaction.set_rollback(True)


def _uncounted(meter: str, amount: int) -> None:
    return None
