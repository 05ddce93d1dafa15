"""A replay does not undo what came after its letters, also where no version column and no id says what is newer."""

from __future__ import annotations

from ingestion import letters
from ingestion.core.context import Context
from ingestion.core.destinations import Dates, versions
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import OVERTAKEN, Page, Ready, Skipped
from ingestion.core.stages import Prepared
from ingestion.models import DeadLetter, Run


def spare(pipeline: Pipeline, ctx: Context, run: Run, page: Page, prepared: Prepared) -> None:
    """Skip rows whose stored version another run loaded after the letter was last seen; the letter stays open.

    Of what its own run loaded nobody knows which is newer: that is overwritten. So is what a destination says no times
    of; one with versions has its own guard.
    """
    destination = pipeline.destination
    if not prepared.ready or versions(destination) or not isinstance(destination, Dates):
        return
    rows = {destination.key_of(ready.row): ready for ready in prepared.ready}
    loaded = destination.loaded(ctx, list(rows))
    names = {key: page.settles or (letters.identity(rows[key].record),) for key in loaded}
    wanted = {name for some in names.values() for name in some}
    found = DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id, identity__in=wanted)
    seen = {
        name: (last_seen, seen_by) for name, last_seen, seen_by in found.values_list("identity", "last_seen", "run_id")
    }
    kept: list[Ready] = []
    for key, ready in rows.items():
        at, by = loaded.get(key, (None, None))
        letter = [seen[name] for name in names.get(key, ()) if name in seen]
        if at is not None and any(at > last_seen and by != seen_by for last_seen, seen_by in letter):
            prepared.skipped.append(Skipped(ready.record, OVERTAKEN, key))
        else:
            kept.append(ready)
    prepared.ready[:] = kept
