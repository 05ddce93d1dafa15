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
from ingestion.core.text import error_text

DIGEST_BYTES = 16
StoredOf = Callable[[Sequence[str]], Mapping[str, Stored]]
Blames = Callable[[Exception], bool]
"""Whether an exception that a validator, reader or transform raised is the record's fault."""


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
    version are skipped after. `poison` holds digests (hex) known to kill workers. An exception that `blames` does not
    put down to the record is raised again.
    """
    prepared = Prepared([], [], [rejections.refused(refusal.record, refusal.error) for refusal in page.refused])
    tools = _Tools(pipeline, ctx, poison, blames)
    earlier: dict[str, list[Record]] = {}
    versioned = versions(pipeline.destination)
    records = list(page.records) if versioned else _split_versions(page.records, earlier)
    stored = stored_of([record.key for record in records if record.key])
    for record in records:
        content = digest(pipeline, record)
        stored_record = stored.get(record.key)
        if stored_record is not None and stored_record.digest == content:
            prepared.skipped.append(Skipped(record, UNCHANGED, record.key))
            continue
        ctx.beat()  # a slow reader or transform must not outlive the lease
        if _prepare_record(tools, record, content, prepared) or not earlier:
            continue
        _fall_back(tools, earlier.get(record.key, []), stored_record, prepared)
    prepared.skipped.extend(Skipped(record, SUPERSEDED) for versions in earlier.values() for record in versions)
    if versioned and prepared.rejected:
        prepared.rejected[:] = _drop_mended(page.records, prepared)
    elif earlier:
        _sort_as_delivered(page.records, prepared.rejected)
    ready = _drop_losers(tools, prepared, stored, stored_of)
    return Prepared(ready, prepared.skipped, prepared.rejected)


def invalid(pipeline: Pipeline, record: Record) -> Rejected | None:
    """The rejection of `record` by its size and the schema alone: nothing is read, transformed or looked up.

    None too where the pipeline has a reader, which may be slow and makes the value that the schema validates.
    """
    if pipeline.reader is not None:
        return None
    if (large := _reject_too_large(pipeline, record)) is not None:
        return large
    try:
        exact_numbers.validated(pipeline.schema, record.body)
    except ValidationError as error:
        return _reject_invalid(record, error)
    except RecordError as error:
        return Rejected(record, Stage.VALIDATE, type(error).__name__, error.errors)
    except Exception as error:
        if not user_errors.is_of_record(error):
            raise
        return user_errors.rejected(record, Stage.VALIDATE, error)
    return None


class _Tools(NamedTuple):
    """The pipeline, context and rules that every record of a page is prepared with."""

    pipeline: Pipeline
    ctx: Context
    poison: Collection[str]
    blames: Blames


def _drop_mended(records: Sequence[Record], prepared: Prepared) -> list[Rejected]:
    """The rejected records, without those that a later sound record of this page supersedes."""
    at = {id(record): index for index, record in enumerate(records)}
    sound: dict[str, int] = {}
    for record in (
        *(row.record for row in prepared.ready),
        *(skip.record for skip in prepared.skipped if skip.reason == UNCHANGED),
    ):
        sound[record.key] = max(at[id(record)], sound.get(record.key, -1))
    unmended = []
    for rejection in prepared.rejected:
        if rejection.record.key and at.get(id(rejection.record), len(at)) < sound.get(rejection.record.key, -1):
            prepared.skipped.append(Skipped(rejection.record, SUPERSEDED))
        else:
            unmended.append(rejection)
    return unmended


def _sort_as_delivered(records: Sequence[Record], rejected: list[Rejected]) -> None:
    """Sort rejected records into the source's order: their versions were tried newest first."""
    at = {id(record): index for index, record in enumerate(records)}
    rejected.sort(
        key=lambda rejection: at.get(id(rejection.record), -1)
    )  # what the source itself refused was there before


def _split_versions(records: Sequence[Record], earlier: dict[str, list[Record]]) -> list[Record]:
    """The last version of each record; its earlier versions, oldest first, go to `earlier`."""
    last = {record.key: index for index, record in enumerate(records) if record.key}
    if len(last) == len(records):
        return list(records)
    winners = []
    for index, record in enumerate(records):
        if not record.key or last[record.key] == index:
            winners.append(record)
        else:
            earlier.setdefault(record.key, []).append(record)
    return winners


def _prepare_record(tools: _Tools, record: Record, content: bytes, prepared: Prepared) -> bool:
    """Prepare one record and add its outcome to `prepared`; False when it was rejected."""
    match _run_stages(tools, record, content):
        case Ready() as ready:
            prepared.ready.append(ready)
        case Skipped() as skipped:
            prepared.skipped.append(skipped)
        case Rejected() as rejected:
            prepared.rejected.append(rejected)
            return False
    return True


def _fall_back(tools: _Tools, earlier: list[Record], stored_record: Stored | None, prepared: Prepared) -> None:
    """Prepare the newest version of a record that is not rejected, as if the page had ended after it."""
    while earlier:
        record = earlier.pop()
        content = digest(tools.pipeline, record)
        if stored_record is not None and stored_record.digest == content:
            prepared.skipped.append(Skipped(record, UNCHANGED, record.key))
            return
        if _prepare_record(tools, record, content, prepared):
            return


def _run_stages(tools: _Tools, record: Record, content: bytes) -> Outcome:
    pipeline, body = tools.pipeline, record.body
    if tools.poison and content.hex() in tools.poison:
        return rejections.refused(record, PoisonRecord("Processing this record ended its worker process twice."))
    if (large := _reject_too_large(pipeline, record)) is not None:
        return large
    stage = Stage.EXTRACT
    try:
        if pipeline.reader is not None:
            body = pipeline.reader(body, tools.ctx)
        stage = Stage.VALIDATE
        value = exact_numbers.validated(pipeline.schema, body)
        stage = Stage.TRANSFORM
        row = pipeline.transform(value, tools.ctx)
    except Exception as error:  # noqa: BLE001  raised again there unless the record is to blame
        return _outcome_of_error(tools, record, stage, error)
    return Ready(record, row, content) if row is not None else user_errors.no_row(record, row)


def _reject_too_large(pipeline: Pipeline, record: Record) -> Rejected | None:
    if len(record.body) <= pipeline.max_payload_bytes:
        return None
    limit = f"{pipeline.max_payload_bytes} (Pipeline.max_payload_bytes)"
    return rejections.refused(
        record, PayloadTooLarge(f"The record has {len(record.body)} bytes; the limit is {limit}.")
    )


def _outcome_of_error(tools: _Tools, record: Record, stage: Stage, error: Exception) -> Outcome:
    """The outcome of a record over which `error` was raised; raises it again where the record is not to blame."""
    match error:
        case Skip() if stage == Stage.TRANSFORM:
            return Skipped(record, error_text(error, "skipped")[:100])
        case RecordError():
            return Rejected(record, stage, type(error).__name__, error.errors)
        case FileRefused() if stage == Stage.EXTRACT:
            return rejections.refused(record, error)
        case ValidationError() if stage == Stage.VALIDATE:
            return _reject_invalid(record, error)
    if tools.blames(error):
        return user_errors.rejected(record, stage, error)
    user_errors.note(error, record, stage)
    raise error


def _reject_invalid(record: Record, error: ValidationError) -> Rejected:
    try:
        return rejections.invalid(record, error)
    except Exception as text_error:  # noqa: BLE001  a validator's own error whose text raises
        return user_errors.rejected(record, Stage.VALIDATE, text_error)


def _keyed_rows(tools: _Tools, prepared: Prepared) -> list[tuple[str, Ready]]:
    """The rows with their keys; a transform's result that is no row is rejected."""
    key_of = tools.pipeline.destination.key_of
    try:
        return [(key_of(ready.row), ready) for ready in prepared.ready]
    except Exception as error:
        if not tools.blames(error):
            raise
    rows: list[tuple[str, Ready]] = []
    for ready in prepared.ready:
        try:
            rows.append((key_of(ready.row), ready))
        except Exception as error:
            if not tools.blames(error):
                raise
            prepared.rejected.append(user_errors.no_row(ready.record, ready.row, error))
    return rows


def _drop_losers(tools: _Tools, prepared: Prepared, stored: Mapping[str, Stored], stored_of: StoredOf) -> list[Ready]:
    """Drop rows that lose against another row of this page or the stored row; skip rows stored under another key."""
    skipped, rows = prepared.skipped, _keyed_rows(tools, prepared)
    elsewhere = [key for key, ready in rows if key != ready.record.key]
    if elsewhere:
        stored = {**stored, **stored_of(elsewhere)}
    best: dict[str, Ready] = {}
    for key, ready in rows:
        stored_row, rival = stored.get(key), best.get(key)
        try:
            reason = (
                _reason_to_skip(tools.pipeline, ready, stored_row, rival)
                if stored_row is not None or rival is not None
                else ""
            )
        except Exception as error:
            if not tools.blames(error):
                raise
            prepared.rejected.append(user_errors.rejected(ready.record, Stage.TRANSFORM, error))
            continue
        if rival is not None and reason in ("", UNCHANGED):
            skipped.append(Skipped(best.pop(key).record, SUPERSEDED, key))  # it came earlier on this page
        if reason:
            skipped.append(Skipped(ready.record, reason, key))
        else:
            best[key] = ready
    # Sorted by key: two writers on the same rows then lock them in the same order and cannot deadlock.
    return [best[key] for key in sorted(best)]


def _reason_to_skip(pipeline: Pipeline, ready: Ready, stored_row: Stored | None, rival: Ready | None) -> str:
    """Why `ready` need not be written, '' when it must. Raises TypeError for versions that cannot be compared."""
    version_of = pipeline.destination.version_of
    version = version_of(ready.row)
    if rival is not None and _is_older(version, version_of(rival.row)):
        return SUPERSEDED
    if stored_row is not None and stored_row.digest == ready.digest:
        return UNCHANGED
    if stored_row is not None and _is_older(version, stored_row.version):
        return STALE
    return ""


def _is_older(version: Any, stored_version: Any) -> bool:
    """Whether `version` is older than `stored_version`. None is older than any: a row without one cannot be newer."""
    return stored_version is not None and (version is None or bool(version < stored_version))
