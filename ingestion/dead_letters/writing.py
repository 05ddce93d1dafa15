"""Writes dead letters, always in the transaction of the batch that rejected the records; `recovery` closes them.

Payloads too large for a row are put into storage before that transaction, by `store_payloads`. When the database
refuses a large row during the load, the batch is rolled back (`PayloadNotStored`), the payload is stored, and the batch
is committed again.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Max, Q, Value, When

from ingestion import artifacts
from ingestion.core.context import TenantRef
from ingestion.core.errors import FieldError
from ingestion.core.records import Record, Rejected
from ingestion.core.text import counted, short, storable
from ingestion.database.inserts import insert
from ingestion.models import Artifact, DeadLetter, Run, TenantQuerySet
from ingestion.redaction import mask

CHUNK = 500
"""Dead letters that one statement writes."""
_INLINE_BYTES = 1024 * 1024
"""Larger payloads go to storage: MariaDB refuses statements above max_allowed_packet and drops the connection."""
_MAX_ERRORS = 100
SUPERSEDED = "Superseded"
"""The first word in notes of dead letters that a newer version closed; they reopen when their version returns."""
_NEXT = timedelta(microseconds=1)
SeenAt = tuple[datetime, int]
"""When a dead letter was seen last, and its id: of those seen at one moment the higher id is the later one."""
Payloads = Mapping[bytes, artifacts.StoredFile]
"""Large payloads that are in storage: their bytes, and the file with them."""


class PayloadNotStored(Exception):
    """The payload of a dead letter is not in storage yet: the batch must be rolled back."""

    def __init__(self, rejected: Sequence[Rejected]) -> None:
        super().__init__(f"{counted(len(rejected), 'payload is', 'payloads are')} not in storage yet.")
        self.rejected = rejected


def store_payloads(tenant: TenantRef, rejected: Sequence[Rejected], stored: Payloads) -> Payloads:
    """Write payloads too large for a row to storage, outside any transaction; return them with those in `stored`."""
    bodies = dict.fromkeys(rejection.record.body for rejection in rejected if _is_large(rejection))
    added = {body: artifacts.store(tenant, Artifact.Kind.PAYLOAD, body) for body in bodies if body not in stored}
    return {**stored, **added}


def _is_large(rejected: Rejected) -> bool:
    return len(rejected.record.body) > _INLINE_BYTES


def identity(record: Record) -> str:
    """Two failures with the same identity are the same bad record: its source id and its bytes."""
    source_id = source_id_of(record)
    return hashlib.sha256(len(source_id).to_bytes(4, "big") + source_id.encode() + record.body).hexdigest()


def fingerprint(pipeline: str, rejected: Rejected) -> str:
    """Two bad records with the same fingerprint share a cause."""
    where = tuple((error.path, error.code) for error in rejected.errors)
    return _fingerprint(pipeline, rejected.stage, rejected.error_class, where)


@lru_cache(maxsize=200)  # thousands of bad records mostly share a few causes
def _fingerprint(pipeline: str, stage: str, error_class: str, errors: tuple[tuple[str, str], ...]) -> str:
    parts = [pipeline, stage, error_class, *sorted({f"{_generalize(path)}:{code}" for path, code in errors})]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def write(
    run: Run, rejected: Sequence[Rejected], now: datetime, payloads: Payloads, settles: Collection[str] = ()
) -> None:
    """Write one dead letter for each rejected record; a record that has one is counted there again.

    A replay does not count the record again, because the source has not delivered it again: it was last seen when the
    replayed dead letter was, or the one that the page `settles` when the source has split it.

    Raises PayloadNotStored, before the first write, when a large payload is not among `payloads`.
    """
    if missing := [
        rejection for rejection in rejected if _is_large(rejection) and rejection.record.body not in payloads
    ]:
        raise PayloadNotStored(missing)
    identities = [identity(rejection.record) for rejection in rejected]
    times = Counter(identities)  # a page may hold the same bytes twice; then the last record counts
    last = dict(zip(reversed(identities), reversed(rejected), strict=True))
    for number, chunk in enumerate(chunks(list(reversed(last)))):
        # Each chunk is seen later than the one before, whose dead letters may be CHUNK moments apart.
        after = number * CHUNK * _NEXT
        _write_again_if_duplicate(
            partial(_write, run, {key: last[key] for key in chunk}, now, after, times, payloads, settles)
        )


def _write_again_if_duplicate(write_chunk: Callable[[], None]) -> None:
    """Shards and live runs overlap: when both write the same bytes, one tries again and counts."""
    for last in (False, False, True):
        try:
            with transaction.atomic():
                write_chunk()
            return
        except IntegrityError:
            if last:
                raise


def _write(
    run: Run,
    rejected: Mapping[str, Rejected],
    now: datetime,
    after: timedelta,
    times: Mapping[str, int],
    payloads: Payloads,
    settles: Collection[str],
) -> None:
    of_run = of_connection(run)
    rows = of_run.filter(identity__in=list(rejected)).values_list("identity", "pk", "fingerprint")
    stored = {key: (pk, cause) for key, pk, cause in rows}
    new = [key for key in rejected if key not in stored]
    began = ((_last_delivered(run, settles) if new else None) or now) + after
    moments = _ordered_moments(began, {key: stored[key][0] if key in stored else None for key in rejected})
    insert(DeadLetter, [_row(run, key, rejected[key], moments[key], times[key], payloads) for key in new], now)
    for count in {times[key] for key in stored}:
        _count_again(run, {key: moments[key] for key in stored if times[key] == count}, count)
    for key, (_, cause) in stored.items():
        if fingerprint(run.pipeline, rejected[key]) != cause:
            of_run.filter(identity=key).update(**_failure_columns(run, rejected[key]))


def _last_delivered(run: Run, settles: Collection[str]) -> datetime | None:
    """When the source last delivered the dead letter that a replay splits; None where there is none."""
    if not settles:
        return None
    newest: datetime | None = of_connection(run).filter(identity__in=settles).aggregate(at=Max("last_seen"))["at"]
    return newest


def _ordered_moments(began: datetime, numbers: Mapping[str, int | None]) -> Mapping[str, datetime]:
    """When dead letters were seen, in this order; new ones have no id yet.

    Replays order dead letters of one moment by id. Where the ids decrease, the moment moves on by a microsecond.
    """
    moments: dict[str, datetime] = {}
    before = 0.0
    for key, number in numbers.items():
        if number is not None and before > number:
            began += _NEXT
        before = math.inf if number is None else number
        moments[key] = began
    return moments


def about(run: Run) -> TenantQuerySet[DeadLetter]:
    """The dead letters that `run` wrote, saw last or replayed, in any state.

    A dead letter that another run wrote and a later run saw again is missing, because only the last run is stored.
    """
    wrote = Q(correlation_id=_correlation(run))
    return of_connection(run).filter(wrote | Q(run_id=run.pk) | Q(replay_run_id=run.pk))


def _correlation(run: Run) -> str:
    return f"{run.tenant.key}:{run.pk}"


def payload(dead_letter: DeadLetter) -> bytes:
    """The record's raw bytes, from the row or from storage. Raises ArtifactDamaged when storage lost them."""
    return bytes(dead_letter.payload) if dead_letter.artifact is None else artifacts.read(dead_letter.artifact)


def of_connection(run: Run) -> TenantQuerySet[DeadLetter]:
    """The dead letters of the run's connection, in any state."""
    return DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id)


def _count_again(run: Run, moments: Mapping[str, datetime], times: int) -> None:
    """Count again. One that a later load closed reopens; one that an operator abandoned stays abandoned."""
    reopened = [
        When(status=DeadLetter.Status.REPLAYED, then=Value(DeadLetter.Status.NEW)),
        When(status=DeadLetter.Status.ABANDONED, note__startswith=SUPERSEDED, then=Value(DeadLetter.Status.NEW)),
    ]
    keys_at: dict[datetime, list[str]] = defaultdict(list)
    for key, moment in moments.items():
        keys_at[moment].append(key)
    at: Any = Case(*(When(identity__in=keys, then=Value(moment)) for moment, keys in keys_at.items()))
    if run.kind == Run.Kind.REPLAY:
        at = F("last_seen")
        times = 0  # the source delivered nothing; the attempt is counted where the dead letter is read
    elif len(keys_at) == 1:  # as on nearly every page
        (at,) = keys_at
    dead_letters = of_connection(run).filter(identity__in=list(moments))
    dead_letters.filter(replay_run=run).update(replay_run=None)  # a replay that is still queued keeps its selection
    dead_letters.update(
        times_seen=F("times_seen") + times, last_seen=at, run=run, status=Case(*reopened, default=F("status"))
    )


def _row(run: Run, key: str, rejected: Rejected, now: datetime, times: int, payloads: Payloads) -> dict[str, object]:
    large = _is_large(rejected)
    return {
        "tenant_id": run.tenant_id,
        "connection_id": run.connection_id,
        "pipeline": run.pipeline,
        "identity": key,
        "source_id": source_id_of(rejected.record),
        "position": short(rejected.record.position, 100),
        "payload": b"" if large else rejected.record.body,
        "artifact_id": payloads[rejected.record.body].save() if large else None,
        "run_id": run.pk,
        "correlation_id": _correlation(run),
        "first_seen": now,
        "last_seen": now,
        "times_seen": times,
        **_failure_columns(run, rejected),
    }


def _failure_columns(run: Run, rejected: Rejected) -> dict[str, object]:
    return {
        "stage": str(rejected.stage),
        "error_class": rejected.error_class,
        "errors": [_as_json(error, run.tenant_id) for error in rejected.errors[:_MAX_ERRORS]],
        "fingerprint": fingerprint(run.pipeline, rejected),
    }


def _as_json(error: FieldError, tenant: int) -> dict[str, str]:
    return {
        "path": storable(error.path, 500),
        "code": error.code,
        "message": storable(mask(error.message, tenant), 2000),
    }


def source_id_of(record: Record) -> str:
    """The record's own id as its dead letter stores it; a replay finds the same dead letter by it."""
    return short(record.key, 191)


def _generalize(path: str) -> str:
    """The path without list positions: items 3 and 7 that fail the same way share a cause."""
    return ".".join("*" if part.isdigit() else part for part in path.split("."))


def chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
