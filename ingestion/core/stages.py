"""The pure middle of a record's journey: hash, skip, read, validate, transform. Never raises for one record's fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ingestion.core.context import Context
from ingestion.core.destinations import Stored
from ingestion.core.errors import FieldError, FileRefused, PayloadTooLarge, PoisonRecord, RecordError
from ingestion.core.pipeline import Pipeline, Skip
from ingestion.core.records import Outcome, Page, Ready, Record, Rejected, Skipped, Stage

DIGEST_BYTES = 16
UNCHANGED = "unchanged"
StoredOf = Callable[[Sequence[str]], Mapping[str, Stored]]
_UNFORESEEN = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What a user's validator or transform raises on a record it did not foresee. Anything else (a lost connection, a full
disk, RQ's timeout) is not the record's fault and must not bury it in the dead letters.
"""
_MAX_ERRORS = 50
"""Errors kept per record: an object with 100,000 wrong items must not make a 100,000-item dead letter."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page after the pure stages. The four together are every record of the page, once each."""

    ready: list[Ready]
    skipped: list[Skipped]
    rejected: list[Rejected]

    def __len__(self) -> int:
        return len(self.ready) + len(self.skipped) + len(self.rejected)


def digest(pipeline: Pipeline, record: Record) -> bytes:
    """16 bytes that name a record's content under this version of its pipeline (SHA-256 of salt and body, cut)."""
    hasher = pipeline.hasher.copy()
    hasher.update(record.body)
    content: bytes = hasher.digest()
    return content[:DIGEST_BYTES]


def prepare(
    pipeline: Pipeline, ctx: Context, page: Page, stored_of: StoredOf, poison: Collection[str] = ()
) -> Prepared:
    """Take every record of `page` as far as it gets without writing.

    Within the page the last record of a key wins, or where the destination has a `version` the newest row. Records
    whose stored digest is equal are skipped before they are validated; rows older than the stored version are skipped
    after. `poison` holds digests (hex) known to kill workers.
    """
    ready: list[Ready] = []
    skipped: list[Skipped] = []
    rejected = [_refused(refusal.record, refusal.error) for refusal in page.refused]
    versioned = bool(getattr(pipeline.destination, "version", ""))
    records = list(page.records) if versioned else _last_of_each_key(page.records, skipped)
    stored = stored_of([record.key for record in records if record.key])
    for record in records:
        content = digest(pipeline, record)
        known = stored.get(record.key)
        if known is not None and known.digest == content:
            skipped.append(Skipped(record, UNCHANGED, record.key))
            continue
        ctx.beat()  # a slow reader or transform must not outlive the lease
        match _one(pipeline, ctx, record, content, poison):
            case Ready() as one:
                ready.append(one)
            case Skipped() as other:
                skipped.append(other)
            case Rejected() as bad:
                rejected.append(bad)
    if versioned and rejected:
        rejected = _not_mended(page.records, ready, skipped, rejected)
    ready = _newest_of_each_row(pipeline, ready, stored, stored_of, skipped, rejected)
    return Prepared(ready, skipped, rejected)


def _not_mended(
    records: Sequence[Record], ready: Sequence[Ready], skipped: list[Skipped], rejected: Sequence[Rejected]
) -> list[Rejected]:
    """The rejected records but for those of which a later one of this page is sound: those are superseded."""
    at = {id(record): index for index, record in enumerate(records)}
    sound: dict[str, int] = {one.record.key: at[id(one.record)] for one in ready}
    kept = []
    for bad in rejected:
        if bad.record.key and at.get(id(bad.record), len(at)) < sound.get(bad.record.key, -1):
            skipped.append(Skipped(bad.record, "superseded"))
        else:
            kept.append(bad)
    return kept


def _last_of_each_key(records: Sequence[Record], skipped: list[Skipped]) -> list[Record]:
    last = {record.key: index for index, record in enumerate(records) if record.key}
    if len(last) == len(records):
        return list(records)
    kept = []
    for index, record in enumerate(records):
        if not record.key or last[record.key] == index:
            kept.append(record)
        else:
            skipped.append(Skipped(record, "superseded"))
    return kept


def _one(pipeline: Pipeline, ctx: Context, record: Record, content: bytes, poison: Collection[str]) -> Outcome:
    body = record.body
    if poison and content.hex() in poison:
        return _refused(record, PoisonRecord("Processing this record ended its worker process twice."))
    if len(body) > pipeline.max_payload_bytes:
        limit = f"{pipeline.max_payload_bytes} (Pipeline.max_payload_bytes)"
        return _refused(record, PayloadTooLarge(f"The record has {len(body)} bytes; the limit is {limit}."))
    if pipeline.reader is not None:
        try:
            body = pipeline.reader(body, ctx)
        except (RecordError, FileRefused) as error:
            return _refused(record, error)
    try:
        value = pipeline.schema.model_validate_json(body)
    except ValidationError as error:
        return Rejected(record, Stage.VALIDATE, "ValidationError", tuple(_field_errors(error)))
    except _UNFORESEEN as error:
        return _unforeseen(record, Stage.VALIDATE, error)
    try:
        return Ready(record, pipeline.transform(value, ctx), content)
    except Skip as skip:
        return Skipped(record, str(skip)[:100] or "skipped")
    except RecordError as error:
        return Rejected(record, Stage.TRANSFORM, type(error).__name__, error.errors)
    except _UNFORESEEN as error:
        return _unforeseen(record, Stage.TRANSFORM, error)


def _newest_of_each_row(
    pipeline: Pipeline,
    ready: list[Ready],
    stored: Mapping[str, Stored],
    stored_of: StoredOf,
    skipped: list[Skipped],
    rejected: list[Rejected],
) -> list[Ready]:
    """Drop rows that lose against another of this page or what is stored; skip rows stored under another key."""
    rows = [(pipeline.destination.key_of(one.row), one) for one in ready]
    elsewhere = [key for key, one in rows if key != one.record.key]
    if elsewhere:
        stored = {**stored, **stored_of(elsewhere)}
    best: dict[str, Ready] = {}
    for key, one in rows:
        known, rival = stored.get(key), best.get(key)
        try:
            reason = _loses(pipeline, one, known, rival) if known is not None or rival is not None else ""
        except TypeError as error:
            rejected.append(_unforeseen(one.record, Stage.TRANSFORM, error))
            continue
        if rival is not None and reason in ("", UNCHANGED):
            skipped.append(Skipped(best.pop(key).record, "superseded", key))  # it came earlier on this page
        if reason:
            skipped.append(Skipped(one.record, reason, key))
        else:
            best[key] = one
    # Sorted by key: two writers on the same rows then lock them in the same order and cannot deadlock.
    return [best[key] for key in sorted(best)]


def _loses(pipeline: Pipeline, one: Ready, known: Stored | None, rival: Ready | None) -> str:
    """Why `one` need not be written, '' when it must. Raises TypeError for versions that cannot be compared."""
    version_of = pipeline.destination.version_of
    version = version_of(one.row)
    if rival is not None and _older(version, version_of(rival.row)):
        return "superseded"
    if known is not None and known.digest == one.digest:
        return UNCHANGED
    if known is not None and _older(version, known.version):
        return "stale"
    return ""


def _older(version: Any, known: Any) -> bool:
    return version is not None and known is not None and version < known


def _unforeseen(record: Record, stage: Stage, error: Exception) -> Rejected:
    name = type(error).__name__
    return Rejected(record, stage, name, (FieldError("", name, str(error)),))


def _refused(record: Record, error: RecordError | FileRefused) -> Rejected:
    name = type(error).__name__
    errors = error.errors if isinstance(error, RecordError) else (FieldError("", name, str(error)),)
    return Rejected(record, Stage.EXTRACT, name, errors)


def _field_errors(error: ValidationError) -> Iterator[FieldError]:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    for detail in details[:_MAX_ERRORS]:
        yield FieldError(".".join(str(part) for part in detail["loc"]), detail["type"], detail["msg"])
    if len(details) > _MAX_ERRORS:
        yield FieldError("", "more_errors", f"{len(details) - _MAX_ERRORS} more errors were left out.")
