"""Poison bisection: finds the record that kills its worker.

A run whose workers died twice in the same batch tries ever smaller parts of the page, rolled back, and stores before
each trial which part it is. The next claim after a death then knows where to continue: after at most log2(page) + 2
deaths one record is left. A record is poison when its worker dies twice with it alone; it becomes a dead letter and the
run goes on. One death alone may be chance: of 228,600 records that went through a storm of 1,000 kills, two slow ones
were hit just then (measured).

Only a death counts. When a pause, an outage or a slow owner interrupts a trial, the search continues as if that part
had not been tried; that is why the number of deaths is stored with the trial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingestion import events
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
"""Deaths outside of any trial after which the run fails, because no record is the cause.

With 3, one of 208 runs failed that a storm of 1,000 kills had hit five times in a row by chance (measured).
"""


def resume(run: Run, claim: Claim) -> frozenset[str]:
    """The poison found so far: digests, names of deliveries. Raises WorkerLost when no record causes the deaths."""
    if run.deaths < DEATHS:
        return frozenset()
    state = dict(run.isolation or {})
    trial = state.pop("trial", None)
    if run.deaths > state.get("deaths", 0):
        state = {**_state_after_death(state, trial), "deaths": run.deaths}
        events.record(run, "isolation", _describe_progress(state))
    _save(run, claim, state)
    if state.get("blind", 0) > _MAX_BLIND or run.deaths > _MAX_DEATHS:
        raise WorkerLost(
            f"{run.deaths} workers died executing this run, outside the processing of any one record. Look at the "
            "source and at the machine's memory, then start a new run."
        )
    return frozenset(state.get("poison", ()))


def _state_after_death(state: dict[str, Any], trial: list[str] | None) -> dict[str, Any]:
    """The search state after a death during `trial`, or outside of any trial."""
    state.pop("fresh", None)
    if not trial:
        return {**state, "blind": state.get("blind", 0) + 1}
    if trial == [state.get("alone")]:
        return {"poison": [*state.get("poison", []), *trial], "fresh": True}
    return {**state, "suspects": trial, "alone": trial[0] if len(trial) == 1 else None}


def _describe_progress(state: Mapping[str, Any]) -> str:
    """Where the search stands after a death."""
    if state.get("fresh"):
        return "A record ended every process that took it, also alone: it becomes a dead letter (PoisonRecord)."
    text = f"{state['deaths']} processes died in this batch"
    match len(state.get("suspects", ())):
        case 0:
            return f"{text}: its records are tried in parts, to find one that ends them."
        case 1:
            return f"{text}, the last one at a single record, which is tried alone once more."
        case several:
            return f"{text}: the record that ends them is one of {several}, which are tried in parts."


def by_digest(pipeline: Pipeline, records: Sequence[Record]) -> dict[str, Record]:
    """Records by their digests in hexadecimal, which identify them in the search state."""
    return {digest(pipeline, record).hex(): record for record in records}


def search(
    run: Run,
    claim: Claim,
    records: Mapping[str, Record],
    poison: frozenset[str],
    try_part: Callable[[Sequence[Record]], object],
) -> None:
    """Try ever smaller parts of `records` until a trial kills this process, or until every part has survived."""
    state = dict(run.isolation or {})
    if state.get("fresh"):
        return  # a record was just found to be poison; perhaps the batch, which will reject it, commits now
    lasting = {name: state[name] for name in ("poison", "blind", "deaths") if name in state}
    unconvicted = [key for key in records if key not in poison]
    alone = (
        unconvicted[0] if len(unconvicted) == 1 else state.get("alone")
    )  # a batch of one record has died with it alone already
    suspects = [key for key in state.get("suspects", unconvicted) if key in records and key not in poison]
    while suspects:
        part = suspects[: max(1, len(suspects) // 2)]
        _save(run, claim, {**lasting, "suspects": suspects, "trial": part, "alone": alone})
        try_part([records[key] for key in part])
        suspects = suspects[len(part) :]
    _save(run, claim, lasting)


def _save(run: Run, claim: Claim, state: dict[str, Any]) -> None:
    if not claim.row.update(isolation=state, lease_until=db_now_plus(config().LEASE_SECONDS)):
        raise Fenced(f"Run {claim.run_id} was claimed by another worker.")
    run.isolation = state
