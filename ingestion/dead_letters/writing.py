"""Writing dead letters, always inside the transaction of the batch that found them; `closing_letters` closes them.

Only their rows: payloads too large for a row are put into storage before it, by `keep`. The database may refuse a large
row that was not known to be bad; the batch is then rolled back (`PayloadNotKept`), keeps it, and is committed again.
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
"""Letters that one statement writes."""
_INLINE_BYTES = 1024 * 1024
"""Larger payloads go to storage: MariaDB refuses statements above max_allowed_packet and drops the connection."""
_MAX_ERRORS = 100
SUPERSEDED = "Superseded"
"""The first word of notes on letters that a newer version closed, and that open again when theirs comes back."""
_NEXT = timedelta(microseconds=1)
Seen = tuple[datetime, int]
"""When a letter was seen last, and its number: of those seen at one moment the higher is the later one."""
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


def write(run: Run, rejected: Sequence[Rejected], now: datetime, kept: Payloads, settles: Collection[str] = ()) -> None:
    """One letter for each rejected record; a record that has one already is counted there again.

    A replay has not seen the record again, and counts it no further: what it rejects was last seen when the letter was
    that it took, for parts of a letter the one that it `settles`.

    Raises PayloadNotKept, before anything is written, when a large payload is not among `kept`.
    """
    if missing := [one for one in rejected if _large(one) and one.record.body not in kept]:
        raise PayloadNotKept(missing)
    identities = [identity(one.record) for one in rejected]
    times = Counter(identities)  # a page may hold the same bytes twice; then the last ones count
    last = dict(zip(reversed(identities), reversed(rejected), strict=True))
    for number, chunk in enumerate(chunks(list(reversed(last)))):
        # Each chunk is seen after the one before it, whose letters may be CHUNK moments apart.
        after = number * CHUNK * _NEXT
        _until_it_fits(partial(_write, run, {key: last[key] for key in chunk}, now, after, times, kept, settles))


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


def _write(
    run: Run,
    rejected: Mapping[str, Rejected],
    now: datetime,
    after: timedelta,
    times: Mapping[str, int],
    kept: Payloads,
    settles: Collection[str],
) -> None:
    of_run = of_connection(run)
    rows = of_run.filter(identity__in=list(rejected)).values_list("identity", "pk", "fingerprint")
    stored = {key: (pk, cause) for key, pk, cause in rows}
    new = [key for key in rejected if key not in stored]
    began = ((_delivered(run, settles) if new else None) or now) + after
    seen = _in_order(began, {key: stored[key][0] if key in stored else None for key in rejected})
    insert(DeadLetter, [_letter(run, key, rejected[key], seen[key], times[key], kept) for key in new], now)
    for count in {times[key] for key in stored}:
        _seen_again(run, {key: seen[key] for key in stored if times[key] == count}, count)
    for key, (_, cause) in stored.items():
        if fingerprint(run.pipeline, rejected[key]) != cause:
            of_run.filter(identity=key).update(**_why(run, rejected[key]))


def _delivered(run: Run, settles: Collection[str]) -> datetime | None:
    """When the source last delivered the letter that a replay takes apart; None where none is."""
    if not settles:
        return None
    newest: datetime | None = of_connection(run).filter(identity__in=settles).aggregate(at=Max("last_seen"))["at"]
    return newest


def _in_order(began: datetime, numbers: Mapping[str, int | None]) -> Mapping[str, datetime]:
    """When letters were seen, in this order; those yet to be written have no number.

    Replays take what was seen at one moment by number. Where the numbers go back, the moment moves on by a microsecond.
    """
    seen: dict[str, datetime] = {}
    before = 0.0
    for key, number in numbers.items():
        if number is not None and before > number:
            began += _NEXT
        before = math.inf if number is None else number
        seen[key] = began
    return seen


def about(run: Run) -> TenantQuerySet[DeadLetter]:
    """The letters that `run` wrote, saw last or took as a replay, whatever became of them since.

    Those that it saw again, and that another run saw again after it, are not known any more.
    """
    wrote = Q(correlation_id=_correlation(run))
    return of_connection(run).filter(wrote | Q(run_id=run.pk) | Q(replay_run_id=run.pk))


def _correlation(run: Run) -> str:
    return f"{run.tenant.key}:{run.pk}"


def payload(dead_letter: DeadLetter) -> bytes:
    """The record's untouched bytes, wherever they are kept. Raises ArtifactDamaged when storage lost them."""
    return bytes(dead_letter.payload) if dead_letter.artifact is None else artifacts.read(dead_letter.artifact)


def of_connection(run: Run) -> TenantQuerySet[DeadLetter]:
    """The letters of the run's connection, whatever became of them."""
    return DeadLetter.objects.for_tenant(run.tenant_id).filter(connection_id=run.connection_id)


def _seen_again(run: Run, moments: Mapping[str, datetime], times: int) -> None:
    """Count again; what was closed by a later load opens again, and what an operator abandoned stays abandoned."""
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
        times = 0  # its source delivered nothing; the attempt is counted where the letter is taken
    elif len(keys_at) == 1:  # as on nearly every page
        (at,) = keys_at
    seen = of_connection(run).filter(identity__in=list(moments))
    seen.filter(replay_run=run).update(replay_run=None)  # another replay that waits for its turn keeps what it holds
    seen.update(times_seen=F("times_seen") + times, last_seen=at, run=run, status=Case(*reopened, default=F("status")))


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


def chunks(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
