"""A row as a JSON object: decimals exact as text, datetimes with their zone, bytes in base64."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import msgspec

from ingestion import ConfigurationError, FieldError, Json, Page, Record, RecordError, Refusal, joined_key
from integrations.databases.reading import Row
from integrations.databases.unreadable import Unreadable

_encode = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical").encode
_UNREADABLE = "{} is beyond what Python's dates and times can hold. Mend it there, or cast the column to text in sql=."


def page_of(rows: Sequence[Row], key: Sequence[str], zone: tzinfo | None, checkpoint: Json) -> Page:
    """A page of `rows`. Raises ConfigurationError for a column whose values have no form in JSON."""
    records: list[Record] = []
    refused: list[Refusal] = []
    for row in rows:
        parts = [_text(value) for value in row.cursor[-len(key) :]]
        endless = [
            column for column, value in row.values.items() if isinstance(value, float) and not math.isfinite(value)
        ]
        record = Record(joined_key(parts), _body(row.values, zone), ", ".join(parts))
        odd = [column for column, value in row.values.items() if isinstance(value, Unreadable)]
        if odd:
            faults = tuple(FieldError(column, "unreadable", _UNREADABLE.format(row.values[column])) for column in odd)
            refused.append(Refusal(record, RecordError(f"{odd[0]}: {faults[0].message}", errors=faults)))
        elif endless:
            refused.append(Refusal(record, RecordError(f"No finite number: {', '.join(endless)}.")))
        else:
            records.append(record)
    return Page(records, checkpoint, refused)


def _text(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def _body(values: Mapping[str, Any], zone: tzinfo | None) -> bytes:
    try:
        return _encode({name: _plain(value, zone) for name, value in values.items()})
    except TypeError as error:
        raise ConfigurationError(
            f"A column has no form in JSON ({error}). Leave it out, or cast it in sql=."
        ) from error


def _plain(value: Any, zone: tzinfo | None) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=zone or UTC).astimezone(UTC)
    if isinstance(value, timedelta) and timedelta() <= value < timedelta(days=1):
        return (datetime(1970, 1, 1, tzinfo=UTC) + value).time()  # what MySQL calls TIME
    return str(value) if _endless(value) or isinstance(value, Unreadable) else value


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
