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
from ingestion.dead_letters.lookup import OpenDeadLetters
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
from ingestion.running.execution import Execution

_ASIDE = "EXISTS(SELECT 1 FROM (%(subquery)s) AS beside)"
"""MySQL lets no UPDATE ask its own table, but what was asked of it before."""


def process(execution: Execution, page: Page) -> stages.Prepared | None:
    """Prepare `page` outside any transaction, keep its raw bytes, commit; again while the database is busy.

    What was prepared when it breaks the error budget: none of it is loaded, and the run is to be ended with `refuse`.
    """
    if execution.run.deaths >= poison_bisection.DEATHS:
        suspects = poison_bisection.named(execution.pipeline, page.records)
        poison_bisection.search(
            execution.run, execution.claim, suspects, execution.poison, lambda part: _rehearse(execution, part)
        )
        execution.run.deaths = 0
    prepared = stages.prepare(
        execution.pipeline,
        execution.ctx,
        page,
        lambda keys: _stored(execution, keys),
        execution.poison,
        errors.is_of_record,
    )
    page, prepared = newer_rows.set_aside(execution.run, execution.pipeline, execution.ctx, page, prepared)
    execution.hooks.at("prepared")
    if execution.claim.is_due():
        claims.renew(execution.claim)
    seen = execution.watch.look(prepared, page)
    if seen is not None and seen.drifted:
        execution.watch.require(seen, execution.claim)
    if budget.would_break(execution, prepared):
        return prepared
    kept = _keep(execution, prepared)
    try:
        _land(execution, prepared, lambda payloads: _commit(execution, page, prepared, kept, payloads, seen))
    except AlreadyStored:  # the source repeats records: from here on what is stored is looked up
        execution.first_load = False
        return process(execution, page)
    if seen is not None:
        execution.watch.landed(seen)
    execution.claim.batches += 1
    execution.hooks.at("committed")
    if budget.exceeded(execution, execution.read, execution.dead):
        raise budget.error(execution, execution.read, execution.dead)
    return None


def _advance(execution: Execution, checkpoint: Any, values: Mapping[str, Any]) -> None:
    """Move the checkpoint, unless the run is to stop; know whether all letters that are open are known.

    Other runs may open some meanwhile: known ones are then not all there are. All of it is asked in the one statement
    that moves the checkpoint; what it was is looked up only when that moved nothing.
    """
    undisturbed = claims.going_on()
    if execution.open_dead_letters.ids is not None:
        undisturbed &= ~Q(Exists(_shards_beside(execution), template=_ASIDE))
    if claims.advanced(execution.claim, checkpoint, undisturbed, **values):
        return
    if claims.look(execution.claim, beside=Exists(_shards_beside(execution)))["beside"]:
        execution.open_dead_letters = OpenDeadLetters(None)
    claims.advance(execution.claim, checkpoint, **values)


def refuse(execution: Execution, prepared: stages.Prepared) -> None:
    """Fail the run over a page that breaks its error budget: its rejects become dead letters, nothing is loaded."""
    read, bad = execution.read + len(prepared), len(prepared.rejected)
    payloads = _keep_payloads(execution, prepared.rejected, {})
    with transaction.atomic():  # both or neither: after a crash between the two, the rejects would be counted again
        claims.renew(execution.claim)
        writing.write(execution.run, prepared.rejected, datetime.now(UTC), payloads)
        execution.claim.row.update(read=F("read") + bad, dead=F("dead") + bad)
        closing.end_failed(execution.run, execution.claim, budget.error(execution, read, execution.dead + bad))


def _stored(execution: Execution, keys: Sequence[str]) -> Mapping[str, Stored]:
    # Later pages of a first load may bring older versions of rows, or rows again: a destination that inserts tells so.
    sure = isinstance(execution.pipeline.destination, Inserts) or not _versioned(execution.pipeline)
    nothing_yet = execution.first_load and (execution.claim.batches == 0 or sure)
    return {} if nothing_yet else execution.pipeline.destination.stored(execution.ctx, keys)


def _versioned(pipeline: Pipeline) -> bool:
    return versions(pipeline.destination) or bool(pipeline.reconciliations)


def _keep(execution: Execution, prepared: stages.Prepared) -> artifacts.Kept | None:
    """The page's new and changed raw records in storage; files and replays have theirs kept already."""
    changed = [*(one.record for one in prepared.ready), *(one.record for one in prepared.rejected)]
    if not config().KEEP_RAW_PAGES or not changed or execution.ctx.inbox or execution.run.kind == Run.Kind.REPLAY:
        return None
    kept = artifacts.keep_page(execution.ctx.tenant, changed, look=bool(prepared.rejected))
    execution.hooks.at("artifact kept")
    return kept


def _land(execution: Execution, prepared: stages.Prepared, commit: Callable[[writing.Payloads], None]) -> None:
    """Commit once every large payload of a dead letter is in storage, for no file is written inside a transaction.

    What the database itself refuses is known only then: the batch is rolled back, keeps it, and is committed again.
    Where a refused row ends the transaction, batches have savepoints from the first such row on, and none before it.
    """
    payloads = _keep_payloads(execution, prepared.rejected, {})
    while True:
        try:
            return committing.until_it_lands(execution, lambda: commit(payloads))  # noqa: B023  called before it changes
        except writing.PayloadNotKept as missing:
            committing.keep_lease(execution)
            payloads = _keep_payloads(execution, missing.rejected, payloads)
        except RowRefused:
            if not execution.ctx.loads_again:  # it had savepoints already: a third time would be no different
                raise
            committing.keep_lease(execution)
            execution.ctx = dataclasses.replace(execution.ctx, loads_again=False)


def _keep_payloads(execution: Execution, rejected: Sequence[Rejected], kept: writing.Payloads) -> writing.Payloads:
    payloads = writing.keep(execution.ctx.tenant, rejected, kept)
    if len(payloads) > len(kept):
        execution.hooks.at("payloads kept")
    return payloads


def _commit(
    execution: Execution,
    page: Page,
    prepared: stages.Prepared,
    kept: artifacts.Kept | None,
    payloads: writing.Payloads,
    seen: drift.Seen | None,
) -> None:
    """The batch's transaction: checkpoint, rows, dead letters, counts, totals, artifact and events, or nothing."""
    run, now = execution.run, datetime.now(UTC)
    expected, explained = verification.count(prepared, Loaded(prepared.ready)), reasons.columns(run, page, prepared)
    with transaction.atomic():
        _advance(execution, page.checkpoint, {**_added(expected), **explained})
        execution.hooks.at("advanced")
        loaded = _write(execution, prepared.ready)
        execution.hooks.at("loaded")
        rejected = [*prepared.rejected, *loaded.rejected]
        _settle(execution, page, prepared, loaded, now)
        buried = datetime.now(UTC)  # after the rows of the page, which are older than its letters
        writing.write(run, rejected, buried, payloads, page.settles)
        told = recognition.recognize(execution, rejected)
        if page.deliveries:
            deliveries.settle(run, page.deliveries, now)
        counts = verification.count(prepared, loaded)
        tally = verification.add(execution.pipeline, execution.ctx, run.tally, page, prepared, loaded)
        if counts != expected or tally != run.tally:  # what only the database could tell
            execution.claim.row.update(**_added(counts, expected), tally=tally)
        if kept is not None:
            _link(execution, kept)
        for title in page.titles:
            events.record(run, "read", title)
        for note in (*page.notes, *loaded.notes, *told):
            events.record(run, "note", note)
        text = (
            f"batch {execution.claim.batches + 1}: {counts.read} read, {counts.ok} loaded, {counts.skipped} skipped, "
        )
        events.record(run, "batch", text + f"{counts.dead} dead", **dataclasses.asdict(counts))
        if seen is not None:
            execution.watch.learn(seen, now)
        execution.hooks.at("before commit")
    run.tally = tally
    for name, value in explained.items():
        setattr(run, name, value)
    execution.read, execution.dead = execution.read + counts.read, execution.dead + counts.dead
    execution.open_dead_letters.add(rejected)


def _added(counts: Counts, before: Counts | None = None) -> dict[str, Any]:
    """The run's counts with a page's `counts` added, or with what these are more than `before`."""
    less = dataclasses.asdict(before) if before else {}
    return {name: F(name) + number - less.get(name, 0) for name, number in dataclasses.asdict(counts).items()}


def _write(execution: Execution, rows: Sequence[Ready]) -> Loaded:
    destination = execution.pipeline.destination
    if execution.first_load and isinstance(destination, Inserts):
        return destination.insert(execution.ctx, rows)
    return destination.load(execution.ctx, rows)


def _settle(execution: Execution, page: Page, prepared: stages.Prepared, loaded: Loaded, now: datetime) -> None:
    """Close the open letters of what this batch shows to be fine now: loaded, or skipped after all."""
    left = any(skip.reason == OVERTAKEN for skip in prepared.skipped)
    whole = () if prepared.rejected or loaded.rejected or left else page.settles
    if execution.open_dead_letters.none and not whole:
        return
    present, itself = [ready.record for ready in loaded.ready], []
    for skip in prepared.skipped:
        if skip.says_present:
            present.append(skip.record)
        elif skip.reason == STALE or (execution.run.kind == Run.Kind.REPLAY and skip.reason != OVERTAKEN):
            itself.append(skip.record)
    fine, itself = list(execution.open_dead_letters.among(present)), list(execution.open_dead_letters.among(itself))
    if fine or itself or whole:
        recovery.settle(execution.run, fine, now, [*whole, *map(writing.identity, itself)])
    if page.formerly is not None:
        names = execution.open_dead_letters.named(page.formerly(), [record.key for record in present])
        recovery.supersede(execution.run, names)


def _shards_beside(execution: Execution) -> QuerySet[Run]:
    """Shards of backfills of this connection that may have opened letters since this execution began."""
    shards = Run.unscoped.filter(connection_id=execution.run.connection_id, parent__isnull=False)
    return shards.filter(Q(state__in=Run.ACTIVE) | Q(finished_at__gte=execution.began))


def _link(execution: Execution, kept: artifacts.Kept) -> None:
    link = {
        "tenant_id": execution.ctx.tenant.id,
        "run_id": execution.run.pk,
        "artifact_id": kept.save(),
        "role": RunArtifact.Role.RAW,
        "name": f"batch {execution.claim.batches + 1}",
    }
    # Two pages of a run may be the same to the byte; the later one gives the link its name.
    insert(RunArtifact, [link], datetime.now(UTC), key=("run", "artifact", "role"), updates=("name",))


def _rehearse(execution: Execution, records: Sequence[Record]) -> None:
    """Take records the whole way and roll back, to see whether that ends this process."""
    ctx = dataclasses.replace(execution.ctx, spend=_uncounted)  # the batch itself counts, before or after
    prepared = stages.prepare(
        execution.pipeline, ctx, Page(records, None), lambda keys: {}, execution.poison, errors.is_of_record
    )
    with transaction.atomic():
        execution.pipeline.destination.load(dataclasses.replace(execution.ctx, loads_again=False), prepared.ready)
        transaction.set_rollback(True)


def _uncounted(meter: str, amount: int) -> None:
    return None
