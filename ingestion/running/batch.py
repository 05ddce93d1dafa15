"""One page becomes one transaction."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models import F

from ingestion import artifacts, events, letters
from ingestion.conf import config
from ingestion.core import stages
from ingestion.core.destinations import Stored
from ingestion.core.errors import DestinationUnavailable, ErrorBudgetExceeded
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Page, Record
from ingestion.loading import faults
from ingestion.models import Run, RunArtifact
from ingestion.running import closing, isolation, ownership, verification
from ingestion.running.work import Work


def process(work: Work, page: Page) -> bool:
    """Prepare `page` outside any transaction, keep its raw bytes, commit; again while the database is busy.

    False when the run ended here, because too many of its records were rejected.
    """
    if work.run.deaths >= isolation.DEATHS:
        isolation.search(work.run, work.mine, work.pipeline, page, work.poison, lambda part: _rehearse(work, part))
        work.run.deaths = 0
    prepared = stages.prepare(work.pipeline, work.ctx, page, lambda keys: _stored(work, keys), work.poison)
    work.seams.at("prepared")
    if _refuse_over_budget(work, prepared):
        return False
    kept = _keep(work, prepared)
    _until_it_lands(work, lambda: _commit(work, page, prepared, kept))
    work.mine.batches += 1
    work.seams.at("committed")
    read, dead = work.mine.row.values_list("read", "dead").first() or (0, 0)
    if _exceeded(work, read, dead):
        raise _over_budget(read, dead)
    return True


def _stored(work: Work, keys: Sequence[str]) -> Mapping[str, Stored]:
    # Later pages of a first load may bring older versions of rows, or rows again: only the first one can be sure.
    nothing_yet = work.first_load and (work.mine.batches == 0 or not _versioned(work.pipeline))
    return {} if nothing_yet else work.pipeline.destination.stored(work.ctx, keys)


def _versioned(pipeline: Pipeline) -> bool:
    return bool(getattr(pipeline.destination, "version", "")) or bool(pipeline.reconciliations)


def _keep(work: Work, prepared: stages.Prepared) -> artifacts.Kept | None:
    """The page's new and changed raw records in storage; files and replays have theirs kept already."""
    changed = [*(one.record for one in prepared.ready), *(one.record for one in prepared.rejected)]
    if not config().KEEP_RAW_PAGES or not changed or work.ctx.inbox or work.run.kind == Run.Kind.REPLAY:
        return None
    kept = artifacts.keep_page(work.ctx.tenant, changed)
    work.seams.at("artifact kept")
    return kept


def _commit(work: Work, page: Page, prepared: stages.Prepared, kept: artifacts.Kept | None) -> None:
    """The batch's transaction: checkpoint, rows, dead letters, counts, totals, artifact and events, or nothing."""
    run, now = work.run, datetime.now(UTC)
    with transaction.atomic():
        ownership.advance(work.mine, page.checkpoint)
        work.seams.at("advanced")
        loaded = work.pipeline.destination.load(work.ctx, prepared.ready)
        work.seams.at("loaded")
        rejected = [*prepared.rejected, *loaded.rejected]
        written = [one.record for one in loaded.ready]
        handled = [*written, *(one.record for one in prepared.skipped)]
        if work.letters_open:
            closes = handled if run.kind == Run.Kind.REPLAY else written
            letters.settle(run, closes, now, () if rejected else page.settles)
        letters.write(run, rejected, now)
        counts = verification.count(prepared, loaded)
        tally = verification.add(work.pipeline, work.ctx, run.tally, page, prepared, loaded)
        work.mine.row.update(
            read=F("read") + counts.read,
            ok=F("ok") + counts.ok,
            skipped=F("skipped") + counts.skipped,
            dead=F("dead") + counts.dead,
            tally=tally,
        )
        if kept is not None:
            _link(work, kept)
        for note in page.notes:
            events.record(run, "note", note)
        text = f"batch {work.mine.batches + 1}: {counts.read} read, {counts.ok} loaded, {counts.skipped} skipped, "
        events.record(run, "batch", text + f"{counts.dead} dead", **dataclasses.asdict(counts))
        work.seams.at("before commit")
    run.tally = tally
    work.letters_open = work.letters_open or bool(rejected)


def _link(work: Work, kept: artifacts.Kept) -> None:
    RunArtifact.objects.for_tenant(work.ctx.tenant).get_or_create(
        tenant_id=work.ctx.tenant.id,
        run=work.run,
        artifact=kept.save(),
        role=RunArtifact.Role.RAW,
        defaults={"name": f"batch {work.mine.batches + 1}"},
    )


def _until_it_lands(work: Work, commit: Callable[[], None]) -> None:
    """Commit, trying again after faults that pass. Raises DestinationUnavailable when they do not."""
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            commit()
            return
        except Exception as error:
            if not faults.is_transient(error):
                raise
            connection.close()  # also rolls back: after MySQL's error 1205 the server keeps the open transaction
            if tried == config().BATCH_TRIES:
                raise DestinationUnavailable(
                    f"The database did not take the batch in {tried} tries: {error}"
                ) from error
            work.seams.sleep(random.uniform(0.05, 0.15) * 2**tried)  # noqa: S311  jitter, not a secret
        if _landed(work):
            return


def _landed(work: Work) -> bool:
    """Whether the batch arrived although its connection died while the commit was under way.

    Asked until the database answers: to commit again a batch that did arrive would look like being fenced.
    """
    for tried in range(1, config().BATCH_TRIES + 1):
        try:
            if not ownership.landed(work.mine):
                return False
            work.run.refresh_from_db(fields=["tally"])
            work.letters_open = letters.any_open(work.run)
        except Exception as error:
            if not faults.is_transient(error):
                raise
            connection.close()
            work.seams.sleep(0.1 * 2**tried)
        else:
            return True
    return False


def _rehearse(work: Work, records: Sequence[Record]) -> None:
    """Take records the whole way and roll back, to see whether that ends this process."""
    ctx = dataclasses.replace(work.ctx, spend=_uncounted)  # the batch itself counts, before or after
    prepared = stages.prepare(work.pipeline, ctx, Page(records, None), lambda keys: {}, work.poison)
    with transaction.atomic():
        work.pipeline.destination.load(work.ctx, prepared.ready)
        transaction.set_rollback(True)


def _uncounted(meter: str, amount: int) -> None:
    return None


def _exceeded(work: Work, read: int, dead: int) -> bool:
    return work.run.kind != Run.Kind.REPLAY and work.pipeline.error_budget.exceeded(read, dead)


def _over_budget(read: int, dead: int) -> ErrorBudgetExceeded:
    return ErrorBudgetExceeded(
        f"{dead} of {read} records were rejected, more than this pipeline's error budget allows. Look at the dead "
        "letters: when the source has changed, mend the pipeline and run it again; the watermark has not moved."
    )


def _refuse_over_budget(work: Work, prepared: stages.Prepared) -> bool:
    """When this page breaks the budget, load none of it: keep its rejects as dead letters and fail the run."""
    read, dead = work.mine.row.values_list("read", "dead").first() or (0, 0)
    bad = len(prepared.rejected)
    if not bad or not _exceeded(work, read + len(prepared), dead + bad):
        return False
    with transaction.atomic():  # both or neither: after a crash between the two, the rejects would be counted again
        ownership.renew(work.mine)
        letters.write(work.run, prepared.rejected, datetime.now(UTC))
        work.mine.row.update(read=F("read") + bad, dead=F("dead") + bad)
        closing.end_failed(work.run, work.mine, _over_budget(read + len(prepared), dead + bad))
    return True
