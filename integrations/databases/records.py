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
from integrations.databases.reading import CursorRow
from integrations.databases.sqlite_values import Finer
from integrations.databases.unreadable import NoText, Unreadable

_encode = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode
_UNREADABLE = (
    "{} cannot be read as what its column holds; Python has no such value. Mend it there, or cast the column to text "
    "in sql=."
)
_NO_TEXT = "The text is not UTF-8: {}. Mend it there, or cast the column to bytes in sql=."
_ENDLESS = "No finite number: {}."
_EXCERPT = 100
"""Characters of a value that a message quotes."""


def page_of(rows: Sequence[CursorRow], key: Sequence[str], zone: tzinfo | None, checkpoint: Json) -> Page:
    """The page of `rows`. Raises ConfigurationError for a column whose values have no form in JSON."""
    records: list[Record] = []
    refused: list[Refusal] = []
    for row in rows:
        key_texts = [_key_text(value) for value in row.cursor[-len(key) :]]
        faults: list[FieldError] = []
        plain = {name: _json_value(value, zone, name, faults) for name, value in row.values.items()}
        record = Record(joined_key(key_texts), _body(plain), ", ".join(key_texts))
        if faults:
            message = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
            refused.append(Refusal(record, RecordError(message, errors=tuple(faults))))
        else:
            records.append(record)
    return Page(records, checkpoint, refused)


def _key_text(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def _body(values: Mapping[str, Any]) -> bytes:
    try:
        return _encode(values)
    except (TypeError, OverflowError) as error:
        column = next((name for name, value in values.items() if not _is_encodable(value)), "?")
        raise ConfigurationError(
            f"The column {column!r} has no form in JSON ({error}). Leave it out of columns=, or cast it in sql=."
        ) from error


def _is_encodable(value: Any) -> bool:
    try:
        _encode(value)
    except (TypeError, OverflowError):
        return False
    return True


def _json_value(value: Any, zone: tzinfo | None, path: str, faults: list[FieldError]) -> Any:
    """The value in a form that JSON has, also within arrays. A value that has none is added to `faults`."""
    match value:
        case Unreadable():
            return _add_fault(faults, path, "unreadable", _UNREADABLE, str(value))
        case NoText():
            _add_fault(faults, path, "charset", _NO_TEXT, f"x'{value.hex()}'")
            return {"base64": base64.b64encode(value).decode()}  # an object: a replay could take a text for the value
        case float() if not math.isfinite(value):
            return _add_fault(faults, path, "finite", _ENDLESS, str(value))
        case msgspec.Raw():  # PostgreSQL's json, as it was written
            error = doubled_error(bytes(value))
            faults += [replace(fault, path=f"{path}.{fault.path}") for fault in (error.errors if error else ())]
        case datetime():
            return _to_utc(value, zone, path, faults)
        case Finer(moment, digits):
            utc = _to_utc(moment, zone, path, faults)
            return f"{utc.isoformat(timespec='microseconds')[:26]}{digits}Z" if isinstance(utc, datetime) else utc
        case timedelta() if timedelta() <= value < timedelta(days=1):
            return (datetime(1970, 1, 1, tzinfo=UTC) + value).time()  # a time of day, which MySQL returns as a duration
        case list() | tuple():
            return [_json_value(part, zone, f"{path}.{index}", faults) for index, part in enumerate(value)]
        case dict():
            return {name: _json_value(part, zone, f"{path}.{name}", faults) for name, part in value.items()}
    return value


def _to_utc(value: datetime, zone: tzinfo | None, path: str, faults: list[FieldError]) -> datetime | str:
    try:
        return (value if value.tzinfo else value.replace(tzinfo=zone or UTC)).astimezone(UTC)
    except OverflowError:
        return _add_fault(faults, path, "unreadable", _UNREADABLE, value.isoformat())


def _add_fault(faults: list[FieldError], path: str, code: str, message: str, text: str) -> str:
    """Add a fault whose message quotes `text`; return `text`, the value's place in the record."""
    excerpt = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"
    faults.append(FieldError(path, code, message.format(excerpt)))
    return text
