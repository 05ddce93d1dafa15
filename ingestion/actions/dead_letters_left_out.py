"""Why a replay leaves out letters that an operator named by their ids."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from ingestion.core.text import counted
from ingestion.models import DeadLetter, Run, Tenant

_MOST_SENTENCES = 5
_ANY = "No open dead letter matches; those under replay by another run are left out."


class _Letter(NamedTuple):
    """What decides whether a replay may take a letter."""

    pk: int
    status: str
    replay: int | None
    """The replay run that holds it, or took it once."""
    replay_state: str | None


def closed(pk: int, status: str) -> str:
    """The sentence about a letter that is not open any more, and how it is opened again."""
    again = f" Open it again with `manage.py ingest reopen {pk} --reason …`." if status in DeadLetter.GIVEN_UP else ""
    return f"Dead letter {pk} was {status}; it is not open any more.{again}"


def unchanged(pk: int, status: str) -> str:
    """Why an action that needs another status leaves a letter as it is."""
    if status == DeadLetter.Status.REPLAYED:
        return f"Dead letter {pk} was replayed: its record is loaded."
    return f"Dead letter {pk} is open already." if status in DeadLetter.OPEN else closed(pk, status)


def reasons(tenant: Tenant, ids: Collection[int], included: Collection[int]) -> dict[int, str]:
    """A sentence for each of `ids` that is not among `included`."""
    left_out = sorted(set(ids) - set(included))
    rows = DeadLetter.objects.for_tenant(tenant).filter(pk__in=left_out)
    dead_letters = map(_Letter._make, rows.values_list("pk", "status", "replay_run_id", "replay_run__state"))
    by_id = {dead_letter.pk: dead_letter for dead_letter in dead_letters}
    return {pk: _reason(pk, by_id.get(pk)) for pk in left_out}


def nothing(tenant: Tenant, ids: Collection[int]) -> str:
    """Why a replay takes no letter at all."""
    sentences = list(reasons(tenant, ids, ()).values())
    unsaid = len(sentences) - _MOST_SENTENCES
    more = [f"And {counted(unsaid, 'more is', 'more are')} not taken."] if unsaid > 0 else []
    return " ".join([*sentences[:_MOST_SENTENCES], *more]) or _ANY


def _reason(pk: int, dead_letter: _Letter | None) -> str:
    if dead_letter is None:
        return f"Dead letter {pk} is not there."
    if dead_letter.status not in DeadLetter.OPEN:
        return closed(pk, dead_letter.status)
    if dead_letter.replay_state in Run.ACTIVE:
        return f"Dead letter {pk} is under replay by another run, {dead_letter.replay}."
    return f"Dead letter {pk} is open, but the other filters or the limit leave it out."
