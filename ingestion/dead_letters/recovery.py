"""Closes dead letters of records that are stored now, always in the transaction of the batch that loaded them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from ingestion.core.records import Record, Rejected
from ingestion.core.text import storable
from ingestion.dead_letters import writing
from ingestion.models import DeadLetter, Run, TenantQuerySet


def close(run: Run, records: Sequence[Record], now: datetime, identities: Collection[str] = ()) -> None:
    """Close the open dead letters of `records`, which are stored now, and those with the given `identities`.

    A dead letter with the same bytes counts as replayed, an older version as superseded: otherwise an old payload could
    later be replayed over the newer one. A replay loads old payloads on purpose, so it supersedes only dead letters
    that were seen before the one it replays.
    """
    open_dead_letters = writing.of_connection(run).filter(pipeline=run.pipeline, status__in=DeadLetter.OPEN)
    if not open_dead_letters.exists():
        return
    by_id: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_id[writing.source_id_of(record)].append(record)
    replayed = [*(writing.identity(record) for record in by_id.pop("", ())), *identities]
    older: list[int] = []
    for chunk in writing.chunks(list(by_id)):
        of_chunk = open_dead_letters.filter(source_id__in=chunk)
        open_versions: dict[str, list[_Version]] = defaultdict(list)
        for source_id, pk, identity, run_id, last_seen in of_chunk.values_list("source_id", *_Version._fields):
            open_versions[source_id].append(_Version(pk, identity, run_id, last_seen))
        for source_id, versions in open_versions.items():
            loaded = set(map(writing.identity, by_id[source_id]))
            replayed += (version.identity for version in versions if version.identity in loaded)
            older += _superseded_ids(run, versions, loaded)
    for chunk in writing.chunks(replayed):
        open_dead_letters.filter(identity__in=chunk).update(
            status=DeadLetter.Status.REPLAYED, replayed_at=now, replayed_by=run.requested_by_id, replay_run=run
        )
    if older:
        _supersede(run, open_dead_letters.filter(pk__in=older))


def supersede(run: Run, source_ids: Sequence[str]) -> None:
    """Close the open dead letters of unreadable versions of stored records, whatever run wrote them."""
    for chunk in writing.chunks(list(source_ids)):
        _supersede(run, writing.of_connection(run).filter(status__in=DeadLetter.OPEN, source_id__in=chunk))


def close_recognized(run: Run, stored: Sequence[tuple[Rejected, str]]) -> None:
    """Close the open dead letters of rejected records that a valid version has stored, each with its reason."""
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
    """An open dead letter about one version of a record."""

    pk: int
    identity: str
    run_id: int
    last_seen: datetime

    @property
    def seen_at(self) -> writing.SeenAt:
        return self.last_seen, self.pk


def _superseded_ids(run: Run, versions: Sequence[_Version], loaded: Collection[str]) -> list[int]:
    """The ids of a record's open dead letters that are older than the version that is loaded."""
    not_loaded = [version for version in versions if version.identity not in loaded]
    if run.kind != Run.Kind.REPLAY:
        # Of two versions in one run it is unknown which is newer.
        return [version.pk for version in not_loaded if version.run_id != run.pk]
    replayed_at = max((version.seen_at for version in versions if version.identity in loaded), default=None)
    return [version.pk for version in not_loaded if replayed_at is not None and version.seen_at < replayed_at]
