"""Writing and settling dead letters, always inside the transaction of the batch that found or loaded them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from django.db.models import Case, F, Value, When

from ingestion import artifacts
from ingestion.core.errors import FieldError
from ingestion.core.records import Record, Rejected
from ingestion.core.text import storable
from ingestion.models import Artifact, DeadLetter, Run, TenantQuerySet
from ingestion.redaction import mask

_CHUNK = 500
_INLINE_BYTES = 1024 * 1024
"""Larger payloads go to storage: MariaDB refuses statements above max_allowed_packet and drops the connection."""
_STATEMENT_BYTES = 4 * 1024 * 1024
_MAX_ERRORS = 100
_SUPERSEDED = "Superseded"


def identity(record: Record) -> str:
    """What makes two failures the same bad record: its source id, as its letter shows it, and its bytes."""
    source_id = _source_id(record)
    return hashlib.sha256(len(source_id).to_bytes(4, "big") + source_id.encode() + record.body).hexdigest()


def fingerprint(pipeline: str, rejected: Rejected) -> str:
    """What makes two bad records share a cause."""
    parts = [pipeline, rejected.stage, rejected.error_class]
    parts += sorted({f"{_place(error)}:{error.code}" for error in rejected.errors})
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def write(run: Run, rejected: Sequence[Rejected], now: datetime) -> None:
    """One letter for each rejected record; a record that has one already is counted there again."""
    identities = [identity(one.record) for one in rejected]
    by_identity = dict(zip(identities, rejected, strict=True))
    times = Counter(identities)  # a page may hold the same bytes twice
    for chunk in _chunks(list(by_identity)):
        mine = _of(run)
        known = dict(mine.filter(identity__in=chunk).values_list("identity", "fingerprint"))
        fresh = [_letter(run, key, by_identity[key], now, times[key]) for key in chunk if key not in known]
        for part in _statements(fresh):
            DeadLetter.unscoped.bulk_create(part)
        for count in {times[key] for key in known}:
            _seen_again(run, [key for key in known if times[key] == count], now, count)
        for key, cause in known.items():
            one = by_identity[key]
            if fingerprint(run.pipeline, one) != cause:
                mine.filter(identity=key).update(**_why(run, one))


def settle(run: Run, loaded: Sequence[Record], now: datetime, also: Collection[str] = ()) -> None:
    """Close the open letters of records loaded now: the same bytes count as replayed, older ones as superseded.

    Without this, an old payload could later be replayed over the newer one. `also` names further identities to close.
    A replay loads old payloads on purpose, so it supersedes nothing.
    """
    opened = _of(run).filter(status__in=DeadLetter.OPEN)
    by_id: dict[str, list[Record]] = defaultdict(list)
    for record in loaded:
        by_id[_source_id(record)].append(record)
    same = [*(identity(record) for record in by_id.pop("", ())), *also]
    older: list[int] = []
    for chunk in _chunks(list(by_id)):
        found = opened.filter(source_id__in=chunk).values_list("pk", "source_id", "identity", "run_id")
        for pk, source_id, known, seen_by in found:
            if known in map(identity, by_id[source_id]):
                same.append(known)
            elif seen_by != run.pk:  # of two versions in one run nobody knows which is newer
                older.append(pk)
    for chunk in _chunks(same):
        opened.filter(identity__in=chunk).update(
            status=DeadLetter.Status.REPLAYED, replayed_at=now, replayed_by=run.requested_by_id, replay_run=run
        )
    if older and run.kind != Run.Kind.REPLAY:
        note = f"{_SUPERSEDED}: a newer version of this record was loaded by run {run.pk}."
        opened.filter(pk__in=older).update(status=DeadLetter.Status.ABANDONED, note=note, replay_run=None)


def payload(letter: DeadLetter) -> bytes:
    """The record's untouched bytes, wherever they are kept. Raises ArtifactDamaged when storage lost them."""
    return bytes(letter.payload) if letter.artifact is None else artifacts.read(letter.artifact)


def any_open(run: Run) -> bool:
    return _of(run).filter(status__in=DeadLetter.OPEN).exists()


def _of(run: Run) -> TenantQuerySet[DeadLetter]:
    return DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id)


def _seen_again(run: Run, identities: Sequence[str], now: datetime, times: int) -> None:
    """Count again; what was closed by a later load opens again, and what an operator abandoned stays abandoned."""
    reopened = [
        When(status=DeadLetter.Status.REPLAYED, then=Value(DeadLetter.Status.NEW)),
        When(status=DeadLetter.Status.ABANDONED, note__startswith=_SUPERSEDED, then=Value(DeadLetter.Status.NEW)),
    ]
    seen = _of(run).filter(identity__in=identities)
    seen.filter(replay_run=run).update(replay_run=None)  # another replay that waits for its turn keeps what it holds
    seen.update(times_seen=F("times_seen") + times, last_seen=now, run=run, status=Case(*reopened, default=F("status")))


def _letter(run: Run, key: str, one: Rejected, now: datetime, times: int) -> DeadLetter:
    large = len(one.record.body) > _INLINE_BYTES
    return DeadLetter(
        tenant_id=run.tenant_id,
        connection_id=run.connection_id,
        pipeline=run.pipeline,
        identity=key,
        source_id=_source_id(one.record),
        position=_short(one.record.position, 100),
        payload=b"" if large else one.record.body,
        artifact=artifacts.keep(run.tenant.ref, Artifact.Kind.PAYLOAD, one.record.body).save() if large else None,
        run=run,
        correlation_id=f"{run.tenant.key}:{run.pk}",
        first_seen=now,
        last_seen=now,
        times_seen=times,
        **_why(run, one),
    )


def _why(run: Run, one: Rejected) -> dict[str, object]:
    return {
        "stage": str(one.stage),
        "error_class": one.error_class,
        "errors": [_as_json(error) for error in one.errors[:_MAX_ERRORS]],
        "fingerprint": fingerprint(run.pipeline, one),
    }


def _as_json(error: FieldError) -> dict[str, str]:
    return {"path": storable(error.path, 500), "code": error.code, "message": storable(mask(error.message), 2000)}


def _source_id(record: Record) -> str:
    """The record's own id as its letter keeps it; a replay, which has only that, finds the same letter again."""
    return _short(record.key, 191)


def _short(text: str, longest: int) -> str:
    """`text` where its column takes it as it is, else its beginning and a hash: different ids stay different."""
    cleaned = storable(text, longest).rstrip()
    if cleaned == text:
        return cleaned
    return f"{cleaned[: longest - 17]}~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _place(error: FieldError) -> str:
    """The path without list positions: item 3 and item 7 failing the same way are one cause."""
    return ".".join("*" if part.isdigit() else part for part in error.path.split("."))


def _statements(fresh: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Letters in groups whose payloads fit one INSERT, however it escapes them."""
    part: list[DeadLetter] = []
    size = 0
    for letter in fresh:
        own = len(letter.payload) + sum(len(error["message"]) + len(error["path"]) for error in letter.errors)
        size += own
        if part and size > _STATEMENT_BYTES:
            yield part
            part, size = [], own
        part.append(letter)
    if part:
        yield part


def _chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
