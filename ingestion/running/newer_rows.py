"""Keeps a replay from overwriting rows that were written after its dead letter, in tables without a version column.

A dead letter closes when its own connection loads a good version of the record. A row that another connection of the
pipeline wrote meanwhile, or another record of the same row, would be overwritten by the older record of the letter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from django.db.models import Max

from ingestion.core.context import Context
from ingestion.core.destinations import Dated, Written, versions
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import OVERTAKEN, Page, Skipped
from ingestion.core.stages import Prepared
from ingestion.core.text import counted
from ingestion.dead_letters import writing
from ingestion.models import DeadLetter, Run

FORCE = "over_newer"
"""The parameter of a run that overwrites such rows nevertheless."""


def leave_newer(run: Run, pipeline: Pipeline, ctx: Context, page: Page, prepared: Prepared) -> tuple[Page, Prepared]:
    """The page and its prepared rows without those that a replay must not overwrite; a note on the page counts them."""
    destination = pipeline.destination
    is_checked = run.kind == Run.Kind.REPLAY and not run.params.get(FORCE) and prepared.ready
    if not is_checked or versions(destination) or not isinstance(destination, Dated):
        return page, prepared
    keys = {destination.key_of(ready.row): ready for ready in prepared.ready}
    written = destination.written(ctx, list(keys))
    seen_at = _last_seen(run, page, prepared)
    newer = {
        key: row
        for key, row in written.items()
        if (last_seen := seen_at.get(keys[key].record.body)) is not None
        and row.run_id != run.pk
        and row.at > last_seen[0]
    }
    replays = _last_replayed(run, {(row.run_id, writing.source_id_of(keys[key].record)) for key, row in newer.items()})
    for key, row in list(newer.items()):
        record = keys[key].record
        replayed_at = replays.get((row.run_id, writing.source_id_of(record)))
        if replayed_at is not None and replayed_at <= seen_at[record.body]:
            del newer[key]  # the row that another replay wrote is as old as the letter that it replayed
    if not newer:
        return page, prepared
    ready = [row for key, row in keys.items() if key not in newer]
    skipped = [*prepared.skipped, *(Skipped(keys[key].record, OVERTAKEN, key) for key in newer)]
    return replace(page, notes=(*page.notes, _note(newer))), replace(prepared, ready=ready, skipped=skipped)


def _last_seen(run: Run, page: Page, prepared: Prepared) -> Mapping[bytes, writing.SeenAt]:
    """When the dead letter of each record of the page was seen last, by the record's bytes."""
    identities = {ready.record.body: writing.identity(ready.record) for ready in prepared.ready}
    requested = page.settles or list(identities.values())
    rows = DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id, identity__in=requested)
    by_identity = {name: (at, pk) for name, at, pk in rows.values_list("identity", "last_seen", "pk")}
    if page.settles:  # one dead letter, which its source split into these records
        return {body: last_seen for last_seen in by_identity.values() for body in identities}
    return {body: by_identity[name] for body, name in identities.items() if name in by_identity}


def _last_replayed(run: Run, rows: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], writing.SeenAt]:
    """The latest dead letter that each other replay took, by (replay, source id), in one query.

    Dead letters without a source id count together: the row's own is one of them, and none was seen after the latest.
    """
    if not rows:
        return {}
    dead_letters = DeadLetter.objects.for_tenant(run.tenant_id).filter(
        replay_run__in={run_id for run_id, _ in rows}, source_id__in={source_id for _, source_id in rows}
    )
    moments = dead_letters.values_list("replay_run_id", "source_id", "last_seen").annotate(last=Max("pk"))
    rising = moments.order_by("last_seen")
    return {(run_id, source_id): (at, pk) for run_id, source_id, at, pk in rising if run_id is not None}


def _note(newer: Mapping[str, Written]) -> str:
    key, row = next(iter(newer.items()))
    rows = counted(len(newer), "row was", "rows were")
    return (
        f"{rows} written after the letter, and the table has no version that tells which is newer, so it was left: "
        f"{key!r} by run {row.run_id}, for one. Settle such a letter (its record arrived another way), or replay it "
        "with --over-newer."
    )
