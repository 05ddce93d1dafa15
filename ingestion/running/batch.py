"""One page becomes one transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, Q, QuerySet

from ingestion import artifacts, deliveries, events, null_hooks
from ingestion.conf import config
from ingestion.core import stages
from ingestion.core.destinations import AlreadyStored, Inserts, Loaded, RowRefused, Stored, versions
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

_DERIVED_TABLE = "EXISTS(SELECT 1 FROM (%(subquery)s) AS beside)"
"""MySQL refuses an UPDATE that reads its own table, unless the read is in a derived table."""


def process(execution: Execution, page: Page) -> stages.Prepared | None:
    """Prepare `page` outside any transaction, store its raw bytes, and commit it as one batch.

    Return the prepared page when it breaks the error budget: none of it is loaded, and `refuse` has to end the run.
    """
    if execution.run.deaths >= poison_bisection.DEATHS:
        suspects = poison_bisection.by_digest(execution.pipeline, page.records)
        poison_bisection.search(
            execution.run, execution.claim, suspects, execution.poison, lambda part: _dry_run(execution, part)
        )
        execution.run.deaths = 0
    prepared = stages.prepare(
        execution.pipeline,
        execution.ctx,
        page,
        lambda keys: _stored_rows(execution, keys),
        execution.poison,
        errors.is_of_record,
    )
    page, prepared = newer_rows.leave_newer(execution.run, execution.pipeline, execution.ctx, page, prepared)
    execution.hooks.at("prepared")
    claims.renew_if_due(execution.claim)
    page_shape = execution.shape_watch.compare(prepared, page)
    if page_shape is not None and page_shape.drifted:
        execution.shape_watch.require_accepted(page_shape, execution.claim)
    if budget.would_break(execution, prepared):
        return prepared
    raw_page = _store_raw_page(execution, prepared)
    try:
        _commit_with_payloads(
            execution, prepared, lambda payloads: _commit(execution, page, prepared, raw_page, payloads, page_shape)
        )
    except AlreadyStored:  # the source repeats records: from here on stored rows are looked up
        execution.first_load = False
        return process(execution, page)
    if page_shape is not None:
        execution.shape_watch.continue_from_commit(page_shape)
    execution.claim.batches += 1
    execution.hooks.at("committed")
    if budget.exceeded(execution, execution.read, execution.dead):
        raise budget.budget_error(execution, execution.read, execution.dead)
    return None


def _advance(execution: Execution, checkpoint: Any, values: Mapping[str, Any]) -> None:
    """Move the checkpoint unless the run must stop, and check whether the list of open dead letters is still complete.

    A shard that runs at the same time may have opened dead letters that the list lacks. The one statement that moves
    the checkpoint checks everything; only when it changes no row are the reasons read.
    """
    undisturbed = claims.not_stopped()
    if execution.open_dead_letters.ids is not None:
        undisturbed &= ~Q(Exists(_overlapping_shards(execution), template=_DERIVED_TABLE))
    if claims.try_advance(execution.claim, checkpoint, undisturbed, **values):
        return
    if claims.read_row(execution.claim, beside=Exists(_overlapping_shards(execution)))["beside"]:
        execution.open_dead_letters = OpenDeadLetters(None)
    claims.advance(execution.claim, checkpoint, **values)


def refuse(execution: Execution, prepared: stages.Prepared) -> None:
    """Fail the run over a page that breaks its error budget: rejected records become dead letters, none is loaded."""
    read, bad = execution.read + len(prepared), len(prepared.rejected)
    payloads = _store_payloads(execution, prepared.rejected, {})
    with transaction.atomic():  # both or neither: after a crash in between, the rejected records would be counted again
        claims.renew(execution.claim)
        writing.write(execution.run, prepared.rejected, datetime.now(UTC), payloads)
        execution.claim.row.update(read=F("read") + bad, dead=F("dead") + bad)
        closing.end_as_failed(
            execution.run, execution.claim, budget.budget_error(execution, read, execution.dead + bad)
        )


def _stored_rows(execution: Execution, keys: Sequence[str]) -> Mapping[str, Stored]:
    """The stored rows under `keys`, without a query while the destination must be empty."""
    destination = execution.pipeline.destination
    # Later pages of a first load may repeat rows or bring older versions of them. That does no harm where the
    # destination refuses to insert a row twice, or where nothing compares versions or totals.
    repeats_are_harmless = isinstance(destination, Inserts) or not (
        versions(destination) or execution.pipeline.reconciliations
    )
    is_empty = execution.first_load and (execution.claim.batches == 0 or repeats_are_harmless)
    return {} if is_empty else destination.stored(execution.ctx, keys)


def _store_raw_page(execution: Execution, prepared: stages.Prepared) -> artifacts.StoredFile | None:
    """Store the page's new and changed raw records; those of files and replays are in storage already."""
    changed = [*(ready.record for ready in prepared.ready), *(rejected.record for rejected in prepared.rejected)]
    if not config().KEEP_RAW_PAGES or not changed or execution.ctx.inbox or execution.run.kind == Run.Kind.REPLAY:
        return None
    raw_page = artifacts.store_page(execution.ctx.tenant, changed, check_stored=bool(prepared.rejected))
    execution.hooks.at("artifact kept")
    return raw_page


def _commit_with_payloads(
    execution: Execution, prepared: stages.Prepared, commit: Callable[[writing.Payloads], None]
) -> None:
    """Commit after every large payload of a dead letter is in storage: no file is written inside a transaction.

    The database may refuse further records during the commit. The batch is then rolled back, their payloads are stored,
    and it is committed again. Where a refused row ends the transaction (PostgreSQL), batches use savepoints from the
    first such row on.
    """
    payloads = _store_payloads(execution, prepared.rejected, {})
    while True:
        try:
            return committing.commit_with_retries(execution, lambda: commit(payloads))  # noqa: B023  called before `payloads` changes
        except writing.PayloadNotStored as missing:
            claims.renew_if_due(execution.claim)
            payloads = _store_payloads(execution, missing.rejected, payloads)
        except RowRefused:
            if not execution.ctx.loads_again:  # it had savepoints already: another attempt would be refused too
                raise
            claims.renew_if_due(execution.claim)
            execution.ctx = dataclasses.replace(execution.ctx, loads_again=False)


def _store_payloads(execution: Execution, rejected: Sequence[Rejected], stored: writing.Payloads) -> writing.Payloads:
    payloads = writing.store_payloads(execution.ctx.tenant, rejected, stored)
    if len(payloads) > len(stored):
        execution.hooks.at("payloads kept")
    return payloads


def _commit(
    execution: Execution,
    page: Page,
    prepared: stages.Prepared,
    raw_page: artifacts.StoredFile | None,
    payloads: writing.Payloads,
    page_shape: drift.PageShape | None,
) -> None:
    """The batch's transaction: checkpoint, rows, dead letters, counts, totals, artifact and events, or nothing."""
    run, now = execution.run, datetime.now(UTC)
    expected = verification.count(prepared, Loaded(prepared.ready))
    reason_columns = reasons.columns(run, page, prepared)
    with transaction.atomic():
        _advance(execution, page.checkpoint, {**_add_counts(expected), **reason_columns})
        execution.hooks.at("advanced")
        loaded = _load_rows(execution, prepared.ready)
        execution.hooks.at("loaded")
        rejected = [*prepared.rejected, *loaded.rejected]
        _close_dead_letters(execution, page, prepared, loaded, now)
        rejected_at = datetime.now(UTC)  # later than the rows of the page, which are older than its dead letters
        writing.write(run, rejected, rejected_at, payloads, page.settles)
        recognized = recognition.close_recognized(execution, rejected)
        if page.deliveries:
            deliveries.mark_done(run, page.deliveries, now)
        counts = verification.count(prepared, loaded)
        tally = verification.add(execution.pipeline, execution.ctx, run.tally, page, prepared, loaded)
        if counts != expected or tally != run.tally:  # the database rejected rows
            execution.claim.row.update(**_add_counts(counts, expected), tally=tally)
        if raw_page is not None:
            _link_artifact(execution, raw_page)
        for title in page.titles:
            events.record(run, "read", title)
        for note in (*page.notes, *loaded.notes, *recognized):
            events.record(run, "note", note)
        text = (
            f"batch {execution.claim.batches + 1}: {counts.read} read, {counts.ok} loaded, {counts.skipped} skipped, "
        )
        events.record(run, "batch", text + f"{counts.dead} dead", **dataclasses.asdict(counts))
        if page_shape is not None:
            execution.shape_watch.learn(page_shape, now)
        execution.hooks.at("before commit")
    run.tally = tally
    for name, value in reason_columns.items():
        setattr(run, name, value)
    execution.read, execution.dead = execution.read + counts.read, execution.dead + counts.dead
    execution.open_dead_letters.add(rejected)


def _add_counts(counts: Counts, before: Counts | None = None) -> dict[str, Any]:
    """Expressions that add a page's `counts` to the run's columns; `before` has been added already."""
    added = dataclasses.asdict(before) if before else {}
    return {name: F(name) + number - added.get(name, 0) for name, number in dataclasses.asdict(counts).items()}


def _load_rows(execution: Execution, rows: Sequence[Ready]) -> Loaded:
    destination = execution.pipeline.destination
    if execution.first_load and isinstance(destination, Inserts):
        return destination.insert(execution.ctx, rows)
    return destination.load(execution.ctx, rows)


def _close_dead_letters(
    execution: Execution, page: Page, prepared: stages.Prepared, loaded: Loaded, now: datetime
) -> None:
    """Close the open dead letters of records that this batch has loaded or skipped as already stored."""
    overtaken = any(skip.reason == OVERTAKEN for skip in prepared.skipped)
    settled = () if prepared.rejected or loaded.rejected or overtaken else page.settles
    if execution.open_dead_letters.none and not settled:
        return
    present, stale = [ready.record for ready in loaded.ready], []
    for skip in prepared.skipped:
        if skip.says_present:
            present.append(skip.record)
        elif skip.reason == STALE or (execution.run.kind == Run.Kind.REPLAY and skip.reason != OVERTAKEN):
            stale.append(skip.record)
    fine, stale = list(execution.open_dead_letters.among(present)), list(execution.open_dead_letters.among(stale))
    if fine or stale or settled:
        recovery.close(execution.run, fine, now, [*settled, *map(writing.identity, stale)])
    if page.formerly is not None:
        names = execution.open_dead_letters.named(page.formerly(), [record.key for record in present])
        recovery.supersede(execution.run, names)


def _overlapping_shards(execution: Execution) -> QuerySet[Run]:
    """Shards of backfills of this connection that may have opened dead letters since this execution began."""
    shards = Run.unscoped.filter(connection_id=execution.run.connection_id, parent__isnull=False)
    return shards.filter(Q(state__in=Run.ACTIVE) | Q(finished_at__gte=execution.began))


def _link_artifact(execution: Execution, raw_page: artifacts.StoredFile) -> None:
    link = {
        "tenant_id": execution.ctx.tenant.id,
        "run_id": execution.run.pk,
        "artifact_id": raw_page.save(),
        "role": RunArtifact.Role.RAW,
        "name": f"batch {execution.claim.batches + 1}",
    }
    # Two pages of a run may be the same to the byte: the later one names the link.
    insert(RunArtifact, [link], datetime.now(UTC), key=("run", "artifact", "role"), updates=("name",))


def _dry_run(execution: Execution, records: Sequence[Record]) -> None:
    """Prepare and load records, and roll back: does one of them end this process?"""
    ctx = dataclasses.replace(execution.ctx, spend=null_hooks.ignore)  # the batch itself counts, before or after
    prepared = stages.prepare(
        execution.pipeline, ctx, Page(records, None), lambda keys: {}, execution.poison, errors.is_of_record
    )
    with transaction.atomic():
        execution.pipeline.destination.load(dataclasses.replace(execution.ctx, loads_again=False), prepared.ready)
        transaction.set_rollback(True)
