"""Why letters that somebody named by their ids are not taken by a replay."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ingestion.models import DeadLetter, Run, Tenant

_TOLD = 5
_ANY = "No open dead letter matches; those under replay by another run are left out."


class _Standing(NamedTuple):
    pk: int
    status: str
    holder: int | None
    holder_state: str | None


def closed(pk: int, status: str) -> str:
    return f"Dead letter {pk} was {status}; it is not open any more."


def reasons(tenant: Tenant, ids: Collection[int], taken: Collection[int]) -> dict[int, str]:
    """A sentence for each of `ids` that is not among `taken`."""
    left = sorted(set(ids) - set(taken))
    rows = DeadLetter.objects.for_tenant(tenant).filter(pk__in=left)
    standings = map(_Standing._make, rows.values_list("pk", "status", "replay_run_id", "replay_run__state"))
    by_id = {standing.pk: standing for standing in standings}
    return {pk: _reason(pk, by_id.get(pk)) for pk in left}


def nothing(tenant: Tenant, ids: Collection[int]) -> str:
    """Why a replay takes no letter at all."""
    told = list(reasons(tenant, ids, ()).values())
    more = [f"And {len(told) - _TOLD} more are not taken."] if len(told) > _TOLD else []
    return " ".join([*told[:_TOLD], *more]) or _ANY


def _reason(pk: int, standing: _Standing | None) -> str:
    if standing is None:
        return f"Dead letter {pk} is not there."
    if standing.status not in DeadLetter.OPEN:
        return closed(pk, standing.status)
    if standing.holder_state in Run.ACTIVE:
        return f"Dead letter {pk} is under replay by another run, {standing.holder}."
    return f"Dead letter {pk} is open, but the other filters or the limit leave it out."
