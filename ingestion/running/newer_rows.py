"""Rows of a replay whose table was written by somebody else after their letter: without versions nobody knows better.

A letter closes when its own connection brings a good version. What another connection of the pipeline wrote meanwhile,
or another record of the same row, would be overwritten by the older one that the letter holds.
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
"""The parameter of a run that overwrites such rows all the same."""


def set_aside(run: Run, pipeline: Pipeline, ctx: Context, page: Page, prepared: Prepared) -> tuple[Page, Prepared]:
    """The page and what was prepared of it, without the rows that a replay must not overwrite; a note says so."""
    destination = pipeline.destination
    is_asked = run.kind == Run.Kind.REPLAY and not run.params.get(FORCE) and prepared.ready
    if not is_asked or versions(destination) or not isinstance(destination, Dated):
        return page, prepared
    keys = {destination.key_of(ready.row): ready for ready in prepared.ready}
    written = destination.written(ctx, list(keys))
    seen_at = _seen(run, page, prepared)
    late = {
        key: row
        for key, row in written.items()
        if (seen := seen_at.get(keys[key].record.body)) is not None and row.run_id != run.pk and row.at > seen[0]
    }
    replays = _seen_by_replays(run, {(row.run_id, writing.source_id_of(keys[key].record)) for key, row in late.items()})
    for key, row in list(late.items()):
        record = keys[key].record
        taken = replays.get((row.run_id, writing.source_id_of(record)))
        if taken is not None and taken <= seen_at[record.body]:
            del late[key]  # what another replay wrote is as old as the letter that it took
    if not late:
        return page, prepared
    ready = [row for key, row in keys.items() if key not in late]
    skipped = [*prepared.skipped, *(Skipped(keys[key].record, OVERTAKEN, key) for key in late)]
    return replace(page, notes=(*page.notes, _note(late))), replace(prepared, ready=ready, skipped=skipped)


def _seen(run: Run, page: Page, prepared: Prepared) -> Mapping[bytes, writing.Seen]:
    """When the letter that each record of the page came from was seen last."""
    identities = {ready.record.body: writing.identity(ready.record) for ready in prepared.ready}
    wanted = page.settles or list(identities.values())
    rows = DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id, identity__in=wanted)
    by_identity = {name: (at, pk) for name, at, pk in rows.values_list("identity", "last_seen", "pk")}
    if page.settles:  # one letter, which its source took apart
        return {body: seen for seen in by_identity.values() for body in identities}
    return {body: by_identity[name] for body, name in identities.items() if name in by_identity}


def _seen_by_replays(run: Run, rows: Collection[tuple[int, str]]) -> Mapping[tuple[int, str], writing.Seen]:
    """The last of the letters that other replays took, by (replay, the letter's source id): one query.

    Letters without an id count together: the row's own is one of them, and none was seen after the last.
    """
    if not rows:
        return {}
    taken = DeadLetter.objects.for_tenant(run.tenant_id).filter(
        replay_run__in={run_id for run_id, _ in rows}, source_id__in={source_id for _, source_id in rows}
    )
    moments = taken.values_list("replay_run_id", "source_id", "last_seen").annotate(last=Max("pk"))
    rising = moments.order_by("last_seen")
    return {(run_id, source_id): (at, pk) for run_id, source_id, at, pk in rising if run_id is not None}


def _note(late: Mapping[str, Written]) -> str:
    key, row = next(iter(late.items()))
    rows = counted(len(late), "row was", "rows were")
    return (
        f"{rows} written after the letter, and the table has no version that tells which is newer, so it was left: "
        f"{key!r} by run {row.run_id}, for one. Settle such a letter (its record arrived another way), or replay it "
        "with --over-newer."
    )
