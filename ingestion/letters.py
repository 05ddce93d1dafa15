"""Writing and settling dead letters, always inside the transaction of the batch that found or loaded them.

Only their rows: payloads too large for a row are put into storage before it, by `keep`. The database may refuse a large
row that was not known to be bad; the batch is then rolled back (`PayloadNotKept`), keeps it, and is committed again.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When

from ingestion import artifacts
from ingestion.core.context import TenantRef
from ingestion.core.errors import FieldError
from ingestion.core.records import Record, Rejected
from ingestion.core.text import counted, short, storable
from ingestion.loading.inserts import insert
from ingestion.models import Artifact, DeadLetter, Run, TenantQuerySet
from ingestion.redaction import mask

_CHUNK = 500
_INLINE_BYTES = 1024 * 1024
"""Larger payloads go to storage: MariaDB refuses statements above max_allowed_packet and drops the connection."""
_MAX_ERRORS = 100
_SUPERSEDED = "Superseded"
Payloads = Mapping[bytes, artifacts.Kept]
"""Large payloads that are in storage: their bytes, and the file that holds them."""


class PayloadNotKept(Exception):
    """Letters were to be written whose payloads are not in storage yet; nothing of the batch may be committed."""

    def __init__(self, rejected: Sequence[Rejected]) -> None:
        super().__init__(f"{counted(len(rejected), 'payload is', 'payloads are')} not in storage yet.")
        self.rejected = rejected


def keep(tenant: TenantRef, rejected: Sequence[Rejected], kept: Payloads) -> Payloads:
    """Write what is too large for a row to storage, outside any transaction; `kept` and what was added."""
    bodies = dict.fromkeys(one.record.body for one in rejected if _large(one))
    added = {body: artifacts.keep(tenant, Artifact.Kind.PAYLOAD, body) for body in bodies if body not in kept}
    return {**kept, **added}


def _large(one: Rejected) -> bool:
    return len(one.record.body) > _INLINE_BYTES


def identity(record: Record) -> str:
    """What makes two failures the same bad record: its source id, as its letter shows it, and its bytes."""
    source_id = source_id_of(record)
    return hashlib.sha256(len(source_id).to_bytes(4, "big") + source_id.encode() + record.body).hexdigest()


def fingerprint(pipeline: str, rejected: Rejected) -> str:
    """What makes two bad records share a cause."""
    where = tuple((error.path, error.code) for error in rejected.errors)
    return _fingerprint(pipeline, rejected.stage, rejected.error_class, where)


@lru_cache(maxsize=200)  # thousands of bad records mostly have a handful of causes
def _fingerprint(pipeline: str, stage: str, error_class: str, errors: tuple[tuple[str, str], ...]) -> str:
    parts = [pipeline, stage, error_class, *sorted({f"{_place(path)}:{code}" for path, code in errors})]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def write(run: Run, rejected: Sequence[Rejected], now: datetime, kept: Payloads) -> None:
    """One letter for each rejected record; a record that has one already is counted there again.

    Raises PayloadNotKept, before anything is written, when a large payload is not among `kept`.
    """
    if missing := [one for one in rejected if _large(one) and one.record.body not in kept]:
        raise PayloadNotKept(missing)
    identities = [identity(one.record) for one in rejected]
    by_identity = dict(zip(identities, rejected, strict=True))
    times = Counter(identities)  # a page may hold the same bytes twice
    for chunk in _chunks(list(by_identity)):
        _until_it_fits(partial(_write, run, {key: by_identity[key] for key in chunk}, now, times, kept))


def _until_it_fits(write_chunk: Callable[[], None]) -> None:
    """Shards and live runs of a connection overlap: of two that bury the same bytes the second one counts again."""
    for last in (False, False, True):
        try:
            with transaction.atomic():
                write_chunk()
            return
        except IntegrityError:
            if last:
                raise


def _write(run: Run, rejected: Mapping[str, Rejected], now: datetime, times: Mapping[str, int], kept: Payloads) -> None:
    mine = of_connection(run)
    known = dict(mine.filter(identity__in=list(rejected)).values_list("identity", "fingerprint"))
    fresh = [_letter(run, key, one, now, times[key], kept) for key, one in rejected.items() if key not in known]
    insert(DeadLetter, fresh, now)
    for count in {times[key] for key in known}:
        _seen_again(run, [key for key in known if times[key] == count], now, count)
    for key, cause in known.items():
        if fingerprint(run.pipeline, rejected[key]) != cause:
            mine.filter(identity=key).update(**_why(run, rejected[key]))


def settle(run: Run, fine: Sequence[Record], now: datetime, also: Collection[str] = ()) -> None:
    """Close the open letters of records that are fine now: the same bytes count as replayed, older ones as superseded.

    Without this, an old payload could later be replayed over the newer one. `also` names further identities to close.
    A replay takes old payloads on purpose: it supersedes only what was last seen before the letter it took.
    """
    opened = of_connection(run).filter(pipeline=run.pipeline, status__in=DeadLetter.OPEN)
    if not opened.exists():
        return
    by_id: dict[str, list[Record]] = defaultdict(list)
    for record in fine:
        by_id[source_id_of(record)].append(record)
    same = [*(identity(record) for record in by_id.pop("", ())), *also]
    older: list[int] = []
    for chunk in _chunks(list(by_id)):
        rows = opened.filter(source_id__in=chunk).values_list("source_id", "pk", "identity", "run_id", "last_seen")
        versions: dict[str, list[_Version]] = defaultdict(list)
        for source_id, pk, known, seen_by, last_seen in rows:
            versions[source_id].append(_Version(pk, known, seen_by, last_seen))
        for source_id, found in versions.items():
            these = set(map(identity, by_id[source_id]))
            same += (one.identity for one in found if one.identity in these)
            older += _superseded(run, found, these)
    for chunk in _chunks(same):
        opened.filter(identity__in=chunk).update(
            status=DeadLetter.Status.REPLAYED, replayed_at=now, replayed_by=run.requested_by_id, replay_run=run
        )
    if older:
        _supersede(run, opened.filter(pk__in=older))


def supersede(run: Run, source_ids: Sequence[str]) -> None:
    """Close the open letters of unreadable versions of what is fine now, whatever run wrote them."""
    for chunk in _chunks(list(source_ids)):
        _supersede(run, of_connection(run).filter(status__in=DeadLetter.OPEN, source_id__in=chunk))


def recognize(run: Run, stored: Sequence[tuple[Rejected, str]]) -> None:
    """Close the open letters of rejected records that are stored from a version that was fine, each with its reason."""
    by_place: dict[str, list[str]] = defaultdict(list)
    for one, where in stored:
        by_place[where].append(identity(one.record))
    for where, identities in by_place.items():
        for chunk in _chunks(identities):
            of_connection(run).filter(status__in=DeadLetter.OPEN, identity__in=chunk).update(
                status=DeadLetter.Status.SETTLED, note=storable(f"Arrived already: {where}", 500)
            )


def _supersede(run: Run, opened: TenantQuerySet[DeadLetter]) -> None:
    note = f"{_SUPERSEDED}: a newer version of this record was taken by run {run.pk}."
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


def about(run: Run) -> TenantQuerySet[DeadLetter]:
    """The letters that `run` wrote, saw last or took as a replay, whatever became of them since.

    Those that it saw again, and that another run saw again after it, are not known any more.
    """
    wrote = Q(correlation_id=_correlation(run))
    return of_connection(run).filter(wrote | Q(run_id=run.pk) | Q(replay_run_id=run.pk))


def _correlation(run: Run) -> str:
    return f"{run.tenant.key}:{run.pk}"


def payload(letter: DeadLetter) -> bytes:
    """The record's untouched bytes, wherever they are kept. Raises ArtifactDamaged when storage lost them."""
    return bytes(letter.payload) if letter.artifact is None else artifacts.read(letter.artifact)


def of_connection(run: Run) -> TenantQuerySet[DeadLetter]:
    """The letters of the run's connection, whatever became of them."""
    return DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id)


def _seen_again(run: Run, identities: Sequence[str], now: datetime, times: int) -> None:
    """Count again; what was closed by a later load opens again, and what an operator abandoned stays abandoned."""
    reopened = [
        When(status=DeadLetter.Status.REPLAYED, then=Value(DeadLetter.Status.NEW)),
        When(status=DeadLetter.Status.ABANDONED, note__startswith=_SUPERSEDED, then=Value(DeadLetter.Status.NEW)),
    ]
    seen = of_connection(run).filter(identity__in=identities)
    seen.filter(replay_run=run).update(replay_run=None)  # another replay that waits for its turn keeps what it holds
    seen.update(times_seen=F("times_seen") + times, last_seen=now, run=run, status=Case(*reopened, default=F("status")))


def _letter(run: Run, key: str, one: Rejected, now: datetime, times: int, kept: Payloads) -> dict[str, object]:
    large = _large(one)
    return {
        "tenant_id": run.tenant_id,
        "connection_id": run.connection_id,
        "pipeline": run.pipeline,
        "identity": key,
        "source_id": source_id_of(one.record),
        "position": short(one.record.position, 100),
        "payload": b"" if large else one.record.body,
        "artifact_id": kept[one.record.body].save() if large else None,
        "run_id": run.pk,
        "correlation_id": _correlation(run),
        "first_seen": now,
        "last_seen": now,
        "times_seen": times,
        **_why(run, one),
    }


def _why(run: Run, one: Rejected) -> dict[str, object]:
    return {
        "stage": str(one.stage),
        "error_class": one.error_class,
        "errors": [_as_json(error, run.tenant_id) for error in one.errors[:_MAX_ERRORS]],
        "fingerprint": fingerprint(run.pipeline, one),
    }


def _as_json(error: FieldError, tenant: int) -> dict[str, str]:
    return {
        "path": storable(error.path, 500),
        "code": error.code,
        "message": storable(mask(error.message, tenant), 2000),
    }


def source_id_of(record: Record) -> str:
    """The record's own id as its letter keeps it; a replay, which has only that, finds the same letter again."""
    return short(record.key, 191)


def _place(path: str) -> str:
    """The path without list positions: item 3 and item 7 failing the same way are one cause."""
    return ".".join("*" if part.isdigit() else part for part in path.split("."))


def _chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
