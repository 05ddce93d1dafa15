"""A row as a JSON object: decimals exact as text, datetimes with their zone, bytes in base64."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from ingestion import (
    ConfigurationError,
    FieldError,
    Json,
    Page,
    Record,
    RecordError,
    Refusal,
    doubled_error,
    joined_key,
)
from integrations.databases.reading import Row
from integrations.databases.sqlite_values import Finer
from integrations.databases.unreadable import NoText, Unreadable

_encode = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode
_UNREADABLE = (
    "{} cannot be read as what its column holds; Python has no such value. Mend it there, or cast the column to text "
    "in sql=."
)
_NO_TEXT = "The text is not UTF-8: {}. Mend it there, or cast the column to bytes in sql=."
_ENDLESS = "No finite number: {}."
_SHOWN = 100


def page_of(rows: Sequence[Row], key: Sequence[str], zone: tzinfo | None, checkpoint: Json) -> Page:
    """A page of `rows`. Raises ConfigurationError for a column whose values have no form in JSON."""
    records: list[Record] = []
    refused: list[Refusal] = []
    for row in rows:
        parts = [_text(value) for value in row.cursor[-len(key) :]]
        faults: list[FieldError] = []
        plain = {name: _plain(value, zone, name, faults) for name, value in row.values.items()}
        record = Record(joined_key(parts), _body(plain), ", ".join(parts))
        if faults:
            told = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
            refused.append(Refusal(record, RecordError(told, errors=tuple(faults))))
        else:
            records.append(record)
    return Page(records, checkpoint, refused)


def _text(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def _body(values: Mapping[str, Any]) -> bytes:
    try:
        return _encode(values)
    except (TypeError, OverflowError) as error:
        column = next((name for name, value in values.items() if not _has_form(value)), "?")
        raise ConfigurationError(
            f"The column {column!r} has no form in JSON ({error}). Leave it out of columns=, or cast it in sql=."
        ) from error


def _has_form(value: Any) -> bool:
    try:
        _encode(value)
    except (TypeError, OverflowError):
        return False
    return True


def _plain(value: Any, zone: tzinfo | None, path: str, faults: list[FieldError]) -> Any:
    """The value as JSON has it, also within arrays. What Python or JSON cannot hold is added to `faults`."""
    match value:
        case Unreadable():
            return _faulty(faults, path, "unreadable", _UNREADABLE, str(value))
        case NoText():
            _faulty(faults, path, "charset", _NO_TEXT, f"x'{value.hex()}'")
            return {"base64": base64.b64encode(value).decode()}  # no text, or a replay could take it for the value
        case float() if not math.isfinite(value):
            return _faulty(faults, path, "finite", _ENDLESS, str(value))
        case msgspec.Raw():  # json of PostgreSQL's, as it was written
            twice = doubled_error(bytes(value))
            faults += [replace(fault, path=f"{path}.{fault.path}") for fault in (twice.errors if twice else ())]
        case datetime():
            return _in_utc(value, zone, path, faults)
        case Finer(moment, digits):
            read = _in_utc(moment, zone, path, faults)
            finer = read.isoformat(timespec="microseconds")[:26] if isinstance(read, datetime) else ""
            return f"{finer}{digits}Z" if finer else read
        case timedelta() if timedelta() <= value < timedelta(days=1):
            return (datetime(1970, 1, 1, tzinfo=UTC) + value).time()  # what MySQL calls TIME
        case list() | tuple():
            return [_plain(part, zone, f"{path}.{place}", faults) for place, part in enumerate(value)]
        case dict():
            return {name: _plain(part, zone, f"{path}.{name}", faults) for name, part in value.items()}
    return value


def _in_utc(value: datetime, zone: tzinfo | None, path: str, faults: list[FieldError]) -> datetime | str:
    try:
        return (value if value.tzinfo else value.replace(tzinfo=zone or UTC)).astimezone(UTC)
    except OverflowError:
        return _faulty(faults, path, "unreadable", _UNREADABLE, value.isoformat())


def _faulty(faults: list[FieldError], path: str, code: str, message: str, shown: str) -> str:
    cut = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    faults.append(FieldError(path, code, message.format(cut)))
    return shown
