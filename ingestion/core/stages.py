"""The pure middle of a record's journey: hash, skip, read, validate, transform. Never raises for one record's fault."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from ingestion.core import exact_numbers, rejections, user_errors
from ingestion.core.context import Context
from ingestion.core.destinations import Stored, versions
from ingestion.core.errors import FileRefused, PayloadTooLarge, PoisonRecord, RecordError
from ingestion.core.pipeline import Pipeline, Skip
from ingestion.core.records import STALE, SUPERSEDED, UNCHANGED, Outcome, Page, Ready, Record, Rejected, Skipped, Stage
from ingestion.core.text import told

DIGEST_BYTES = 16
StoredOf = Callable[[Sequence[str]], Mapping[str, Stored]]
Blames = Callable[[Exception], bool]
"""Whether what a validator, reader or transform raised is the record's fault."""


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
    pipeline: Pipeline,
    ctx: Context,
    page: Page,
    stored_of: StoredOf,
    poison: Collection[str] = (),
    blames: Blames = user_errors.is_of_record,
) -> Prepared:
    """Take every record of `page` as far as it gets without writing.

    Within the page the last record of a key wins that is not rejected, or where the destination is `versioned` the
    newest row. Records whose stored digest is equal are skipped before they are validated; rows older than the stored
    version are skipped after. `poison` holds digests (hex) known to kill workers. What is raised over a record and
    `blames` denies is raised again.
    """
    taken = Prepared([], [], [rejections.refused(refusal.record, refusal.error) for refusal in page.refused])
    by = _By(pipeline, ctx, poison, blames)
    earlier: dict[str, list[Record]] = {}
    versioned = versions(pipeline.destination)
    records = list(page.records) if versioned else _last_of_each_key(page.records, earlier)
    stored = stored_of([record.key for record in records if record.key])
    for record in records:
        content = digest(pipeline, record)
        known = stored.get(record.key)
        if known is not None and known.digest == content:
            taken.skipped.append(Skipped(record, UNCHANGED, record.key))
            continue
        ctx.beat()  # a slow reader or transform must not outlive the lease
        if _took(by, record, content, taken) or not earlier:
            continue
        _fall_back(by, earlier.get(record.key, []), known, taken)
    taken.skipped.extend(Skipped(record, SUPERSEDED) for versions in earlier.values() for record in versions)
    if versioned and taken.rejected:
        taken.rejected[:] = _not_mended(page.records, taken)
    elif earlier:
        _put_in_order(page.records, taken.rejected)
    ready = _newest_of_each_row(by, taken, stored, stored_of)
    return Prepared(ready, taken.skipped, taken.rejected)


def invalid(pipeline: Pipeline, record: Record) -> Rejected | None:
    """What is wrong with `record` by its size and the schema alone: nothing is read, transformed or looked up.

    None too where the pipeline has a reader, which may be slow and makes what the schema is about.
    """
    if pipeline.reader is not None:
        return None
    if (large := _too_large(pipeline, record)) is not None:
        return large
    try:
        exact_numbers.validated(pipeline.schema, record.body)
    except ValidationError as error:
        return _invalid(record, error)
    except RecordError as error:
        return Rejected(record, Stage.VALIDATE, type(error).__name__, error.errors)
    except Exception as error:
        if not user_errors.is_of_record(error):
            raise
        return user_errors.rejected(record, Stage.VALIDATE, error)
    return None


class _By(NamedTuple):
    """What takes the records of a page."""

    pipeline: Pipeline
    ctx: Context
    poison: Collection[str]
    blames: Blames


def _not_mended(records: Sequence[Record], taken: Prepared) -> list[Rejected]:
    """The rejected records but for those of which a later one of this page is sound: those are superseded."""
    at = {id(record): index for index, record in enumerate(records)}
    sound: dict[str, int] = {}
    for record in (*(row.record for row in taken.ready), *(s.record for s in taken.skipped if s.reason == UNCHANGED)):
        sound[record.key] = max(at[id(record)], sound.get(record.key, -1))
    kept = []
    for bad in taken.rejected:
        if bad.record.key and at.get(id(bad.record), len(at)) < sound.get(bad.record.key, -1):
            taken.skipped.append(Skipped(bad.record, SUPERSEDED))
        else:
            kept.append(bad)
    return kept


def _put_in_order(records: Sequence[Record], rejected: list[Rejected]) -> None:
    """Versions of a record were tried newest first; their letters are made, and replayed, as the source had them."""
    at = {id(record): index for index, record in enumerate(records)}
    rejected.sort(key=lambda bad: at.get(id(bad.record), -1))  # what the source itself refused was there before


def _last_of_each_key(records: Sequence[Record], earlier: dict[str, list[Record]]) -> list[Record]:
    """The last version of each record; those before it, oldest first, go to `earlier`."""
    last = {record.key: index for index, record in enumerate(records) if record.key}
    if len(last) == len(records):
        return list(records)
    kept = []
    for index, record in enumerate(records):
        if not record.key or last[record.key] == index:
            kept.append(record)
        else:
            earlier.setdefault(record.key, []).append(record)
    return kept


def _took(by: _By, record: Record, content: bytes, taken: Prepared) -> bool:
    """Take one record as far as it gets; False when it was rejected."""
    match _one(by, record, content):
        case Ready() as one:
            taken.ready.append(one)
        case Skipped() as other:
            taken.skipped.append(other)
        case Rejected() as bad:
            taken.rejected.append(bad)
            return False
    return True


def _fall_back(by: _By, earlier: list[Record], known: Stored | None, taken: Prepared) -> None:
    """The newest version of a record that is not rejected, as it would win had the page ended before the others."""
    while earlier:
        record = earlier.pop()
        content = digest(by.pipeline, record)
        if known is not None and known.digest == content:
            taken.skipped.append(Skipped(record, UNCHANGED, record.key))
            return
        if _took(by, record, content, taken):
            return


def _one(by: _By, record: Record, content: bytes) -> Outcome:
    pipeline, body = by.pipeline, record.body
    if by.poison and content.hex() in by.poison:
        return rejections.refused(record, PoisonRecord("Processing this record ended its worker process twice."))
    if (large := _too_large(pipeline, record)) is not None:
        return large
    stage = Stage.EXTRACT
    try:
        if pipeline.reader is not None:
            body = pipeline.reader(body, by.ctx)
        stage = Stage.VALIDATE
        value = exact_numbers.validated(pipeline.schema, body)
        stage = Stage.TRANSFORM
        row = pipeline.transform(value, by.ctx)
    except Exception as error:  # noqa: BLE001  raised again there unless the record is to blame
        return _answered(by, record, stage, error)
    return Ready(record, row, content) if row is not None else user_errors.no_row(record, row)


def _too_large(pipeline: Pipeline, record: Record) -> Rejected | None:
    if len(record.body) <= pipeline.max_payload_bytes:
        return None
    limit = f"{pipeline.max_payload_bytes} (Pipeline.max_payload_bytes)"
    return rejections.refused(
        record, PayloadTooLarge(f"The record has {len(record.body)} bytes; the limit is {limit}.")
    )


def _answered(by: _By, record: Record, stage: Stage, error: Exception) -> Outcome:
    """What a record becomes over which something was raised; raises it again where the record is not to blame."""
    match error:
        case Skip() if stage == Stage.TRANSFORM:
            return Skipped(record, told(error, "skipped")[:100])
        case RecordError():
            return Rejected(record, stage, type(error).__name__, error.errors)
        case FileRefused() if stage == Stage.EXTRACT:
            return rejections.refused(record, error)
        case ValidationError() if stage == Stage.VALIDATE:
            return _invalid(record, error)
    if by.blames(error):
        return user_errors.rejected(record, stage, error)
    user_errors.note(error, record, stage)
    raise error


def _invalid(record: Record, error: ValidationError) -> Rejected:
    try:
        return rejections.invalid(record, error)
    except Exception as other:  # noqa: BLE001  a validator's own error whose text raises
        return user_errors.rejected(record, Stage.VALIDATE, other)


def _rows(by: _By, taken: Prepared) -> list[tuple[str, Ready]]:
    """The rows under their keys; what the transform returned and is no row goes to the rejected."""
    key_of = by.pipeline.destination.key_of
    try:
        return [(key_of(one.row), one) for one in taken.ready]
    except Exception as error:
        if not by.blames(error):
            raise
    rows: list[tuple[str, Ready]] = []
    for one in taken.ready:
        try:
            rows.append((key_of(one.row), one))
        except Exception as error:
            if not by.blames(error):
                raise
            taken.rejected.append(user_errors.no_row(one.record, one.row, error))
    return rows


def _newest_of_each_row(by: _By, taken: Prepared, stored: Mapping[str, Stored], stored_of: StoredOf) -> list[Ready]:
    """Drop rows that lose against another of this page or what is stored; skip rows stored under another key."""
    skipped, rows = taken.skipped, _rows(by, taken)
    elsewhere = [key for key, one in rows if key != one.record.key]
    if elsewhere:
        stored = {**stored, **stored_of(elsewhere)}
    best: dict[str, Ready] = {}
    for key, one in rows:
        known, rival = stored.get(key), best.get(key)
        try:
            reason = _loses(by.pipeline, one, known, rival) if known is not None or rival is not None else ""
        except Exception as error:
            if not by.blames(error):
                raise
            taken.rejected.append(user_errors.rejected(one.record, Stage.TRANSFORM, error))
            continue
        if rival is not None and reason in ("", UNCHANGED):
            skipped.append(Skipped(best.pop(key).record, SUPERSEDED, key))  # it came earlier on this page
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
        return SUPERSEDED
    if known is not None and known.digest == one.digest:
        return UNCHANGED
    if known is not None and _older(version, known.version):
        return STALE
    return ""


def _older(version: Any, known: Any) -> bool:
    """Whether `version` is older than one that is there. None is older than any: who has no version cannot be newer."""
    return known is not None and (version is None or bool(version < known))
