"""Finding the record that kills its worker.

A run whose workers died twice in the same batch rehearses ever smaller parts of the page, rolled back, and writes down
each time which part it is about to try. The claim that follows a death then knows where to go on: at most
log2(page) + 2 deaths until one record stands alone. Only a record that kills alone, and when it is tried alone once
more, is convicted; it becomes a dead letter and the run goes on. One death alone may be chance: of 228,600 records that
went through a storm of 1,000 kills, two that take long were hit just then (measured).

Only a death accuses. A search that a pause, an outage or a slow owner cut short goes on as if that part had not been
tried, which is why the deaths that the run had by then are written down beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingestion.conf import config
from ingestion.core.errors import Fenced, WorkerLost
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Record
from ingestion.core.stages import digest
from ingestion.database.clock import db_now_plus
from ingestion.models import Run
from ingestion.running.claims import Claim

DEATHS = 2
"""Deaths without a committed batch after which a record is suspected."""
_MAX_DEATHS = 40
_MAX_BLIND = 8
"""Deaths while no record was being processed, after which no record is to blame.

With 3, one of 208 runs was given up that a storm of 1,000 kills had hit five times in a row by chance (measured).
"""


def resume(run: Run, claim: Claim) -> frozenset[str]:
    """What was convicted so far: digests, names of deliveries. Raises WorkerLost when the deaths are nobody's own."""
    if run.deaths < DEATHS:
        return frozenset()
    state = dict(run.isolation or {})
    trial = state.pop("trial", None)
    if run.deaths > state.get("deaths", 0):
        state = {**_judged(state, trial), "deaths": run.deaths}
    _save(run, claim, state)
    if state.get("blind", 0) > _MAX_BLIND or run.deaths > _MAX_DEATHS:
        raise WorkerLost(
            f"{run.deaths} workers died executing this run, outside the processing of any one record. Look at the "
            "source and at the machine's memory, then start a new run."
        )
    return frozenset(state.get("poison", ()))


def _judged(state: dict[str, Any], trial: list[str] | None) -> dict[str, Any]:
    """What a death says, in the midst of `trial` or outside of any."""
    state.pop("fresh", None)
    if not trial:
        return {**state, "blind": state.get("blind", 0) + 1}
    if trial == [state.get("alone")]:
        return {"poison": [*state.get("poison", []), *trial], "fresh": True}
    return {**state, "suspects": trial, "alone": trial[0] if len(trial) == 1 else None}


def named(pipeline: Pipeline, records: Sequence[Record]) -> dict[str, Record]:
    """Records under their digests in hexadecimal, by which they are known here."""
    return {digest(pipeline, record).hex(): record for record in records}


def search(
    run: Run,
    claim: Claim,
    records: Mapping[str, Record],
    poison: frozenset[str],
    rehearse: Callable[[Sequence[Record]], object],
) -> None:
    """Narrow the suspects among `records` until a rehearsal kills us, or until all survived and nobody is guilty."""
    state = dict(run.isolation or {})
    if state.get("fresh"):
        return  # a guilty one was just convicted; perhaps this batch, which will reject it, lands now
    known = {name: state[name] for name in ("poison", "blind", "deaths") if name in state}
    left = [key for key in records if key not in poison]
    alone = left[0] if len(left) == 1 else state.get("alone")  # a batch of one has died alone already
    suspects = [key for key in state.get("suspects", left) if key in records and key not in poison]
    while suspects:
        part = suspects[: max(1, len(suspects) // 2)]
        _save(run, claim, {**known, "suspects": suspects, "trial": part, "alone": alone})
        rehearse([records[key] for key in part])
        suspects = suspects[len(part) :]
    _save(run, claim, known)


def _save(run: Run, claim: Claim, state: dict[str, Any]) -> None:
    if not claim.row.update(isolation=state, lease_until=db_now_plus(config().LEASE_SECONDS)):
        raise Fenced(f"Run {claim.run_id} was claimed by another worker.")
    run.isolation = state
