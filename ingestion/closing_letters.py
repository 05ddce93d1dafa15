"""Closing dead letters of records that are fine now, always inside the transaction of the batch that loaded them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from ingestion import letters
from ingestion.core.records import Record, Rejected
from ingestion.core.text import storable
from ingestion.models import DeadLetter, Run, TenantQuerySet


def settle(run: Run, fine: Sequence[Record], now: datetime, also: Collection[str] = ()) -> None:
    """Close the open letters of records that are fine now: the same bytes count as replayed, older ones as superseded.

    Without this, an old payload could later be replayed over the newer one. `also` names further identities to close.
    A replay takes old payloads on purpose: it supersedes only what was last seen before the letter it took.
    """
    opened = letters.of_connection(run).filter(pipeline=run.pipeline, status__in=DeadLetter.OPEN)
    if not opened.exists():
        return
    by_id: dict[str, list[Record]] = defaultdict(list)
    for record in fine:
        by_id[letters.source_id_of(record)].append(record)
    same = [*(letters.identity(record) for record in by_id.pop("", ())), *also]
    older: list[int] = []
    for chunk in letters.chunks(list(by_id)):
        rows = opened.filter(source_id__in=chunk).values_list("source_id", "pk", "identity", "run_id", "last_seen")
        versions: dict[str, list[_Version]] = defaultdict(list)
        for source_id, pk, known, seen_by, last_seen in rows:
            versions[source_id].append(_Version(pk, known, seen_by, last_seen))
        for source_id, found in versions.items():
            these = set(map(letters.identity, by_id[source_id]))
            same += (one.identity for one in found if one.identity in these)
            older += _superseded(run, found, these)
    for chunk in letters.chunks(same):
        opened.filter(identity__in=chunk).update(
            status=DeadLetter.Status.REPLAYED, replayed_at=now, replayed_by=run.requested_by_id, replay_run=run
        )
    if older:
        _supersede(run, opened.filter(pk__in=older))


def supersede(run: Run, source_ids: Sequence[str]) -> None:
    """Close the open letters of unreadable versions of what is fine now, whatever run wrote them."""
    for chunk in letters.chunks(list(source_ids)):
        _supersede(run, letters.of_connection(run).filter(status__in=DeadLetter.OPEN, source_id__in=chunk))


def recognize(run: Run, stored: Sequence[tuple[Rejected, str]]) -> None:
    """Close the open letters of rejected records that are stored from a version that was fine, each with its reason."""
    by_place: dict[str, list[str]] = defaultdict(list)
    for one, where in stored:
        by_place[where].append(letters.identity(one.record))
    for where, identities in by_place.items():
        for chunk in letters.chunks(identities):
            letters.of_connection(run).filter(status__in=DeadLetter.OPEN, identity__in=chunk).update(
                status=DeadLetter.Status.SETTLED, note=storable(f"Arrived already: {where}", 500)
            )


def _supersede(run: Run, opened: TenantQuerySet[DeadLetter]) -> None:
    note = f"{letters.SUPERSEDED}: a newer version of this record was taken by run {run.pk}."
    opened.update(status=DeadLetter.Status.ABANDONED, note=note, replay_run=None)


class _Version(NamedTuple):
    """An open letter about one version of a record."""

    pk: int
    identity: str
    run_id: int
    last_seen: datetime


def _superseded(run: Run, found: Sequence[_Version], these: Collection[str]) -> list[int]:
    """Which of the letters of one record are older than the version in `these`, that is fine now."""
    others = [one for one in found if one.identity not in these]
    if run.kind != Run.Kind.REPLAY:
        return [one.pk for one in others if one.run_id != run.pk]  # of two in one run nobody knows which is newer
    taken = [one.last_seen for one in found if one.identity in these]
    return [one.pk for one in others if taken and one.last_seen < max(taken)]
