"""Closing dead letters of records that are fine now, always inside the transaction of the batch that loaded them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from ingestion.core.records import Record, Rejected
from ingestion.core.text import storable
from ingestion.dead_letters import writing
from ingestion.models import DeadLetter, Run, TenantQuerySet


def settle(run: Run, fine: Sequence[Record], now: datetime, also: Collection[str] = ()) -> None:
    """Close the open letters of records that are fine now: the same bytes count as replayed, older ones as superseded.

    Without this, an old payload could later be replayed over the newer one. `also` names further identities to close.
    A replay takes old payloads on purpose: it supersedes only what was seen before the letter it took.
    """
    open_dead_letters = writing.of_connection(run).filter(pipeline=run.pipeline, status__in=DeadLetter.OPEN)
    if not open_dead_letters.exists():
        return
    by_id: dict[str, list[Record]] = defaultdict(list)
    for record in fine:
        by_id[writing.source_id_of(record)].append(record)
    same = [*(writing.identity(record) for record in by_id.pop("", ())), *also]
    older: list[int] = []
    for chunk in writing.chunks(list(by_id)):
        of_chunk = open_dead_letters.filter(source_id__in=chunk)
        open_versions: dict[str, list[_Version]] = defaultdict(list)
        for source_id, pk, identity, run_id, last_seen in of_chunk.values_list("source_id", *_Version._fields):
            open_versions[source_id].append(_Version(pk, identity, run_id, last_seen))
        for source_id, versions in open_versions.items():
            loaded = set(map(writing.identity, by_id[source_id]))
            same += (version.identity for version in versions if version.identity in loaded)
            older += _superseded(run, versions, loaded)
    for chunk in writing.chunks(same):
        open_dead_letters.filter(identity__in=chunk).update(
            status=DeadLetter.Status.REPLAYED, replayed_at=now, replayed_by=run.requested_by_id, replay_run=run
        )
    if older:
        _supersede(run, open_dead_letters.filter(pk__in=older))


def supersede(run: Run, source_ids: Sequence[str]) -> None:
    """Close the open letters of unreadable versions of what is fine now, whatever run wrote them."""
    for chunk in writing.chunks(list(source_ids)):
        _supersede(run, writing.of_connection(run).filter(status__in=DeadLetter.OPEN, source_id__in=chunk))


def recognize(run: Run, stored: Sequence[tuple[Rejected, str]]) -> None:
    """Close the open letters of rejected records that are stored from a version that was fine, each with its reason."""
    by_place: dict[str, list[str]] = defaultdict(list)
    for rejected, place in stored:
        by_place[place].append(writing.identity(rejected.record))
    for place, identities in by_place.items():
        for chunk in writing.chunks(identities):
            writing.of_connection(run).filter(status__in=DeadLetter.OPEN, identity__in=chunk).update(
                status=DeadLetter.Status.SETTLED, note=storable(f"Arrived already: {place}", 500)
            )


def _supersede(run: Run, older: TenantQuerySet[DeadLetter]) -> None:
    note = f"{writing.SUPERSEDED}: a newer version of this record was taken by run {run.pk}."
    older.update(status=DeadLetter.Status.ABANDONED, note=note, replay_run=None)


class _Version(NamedTuple):
    """An open letter about one version of a record."""

    pk: int
    identity: str
    run_id: int
    last_seen: datetime

    @property
    def seen(self) -> writing.Seen:
        return self.last_seen, self.pk


def _superseded(run: Run, versions: Sequence[_Version], loaded: Collection[str]) -> list[int]:
    """Which open letters of one record are older than the version that is loaded, by their numbers."""
    others = [version for version in versions if version.identity not in loaded]
    if run.kind != Run.Kind.REPLAY:
        # Of two versions in one run nobody knows which is newer.
        return [version.pk for version in others if version.run_id != run.pk]
    taken = max((version.seen for version in versions if version.identity in loaded), default=None)
    return [version.pk for version in others if taken is not None and version.seen < taken]
