"""A cursor as JSON and back, without losing a microsecond, a digit or a byte."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ingestion import ConfigurationError, Json
from integrations.databases.reading import Cursor

_ENCODERS: dict[type, Callable[[Any], str]] = {
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    Decimal: str,
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    timedelta: lambda value: f"{value // timedelta(microseconds=1)}",
}
_DECODERS: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "Decimal": Decimal,
    "UUID": UUID,
    "bytes": base64.b64decode,
    "timedelta": lambda text: timedelta(microseconds=int(text)),
}


def to_checkpoint(span: str, cursor: Cursor) -> Json:
    return {"span": span, "after": [_encode(value) for value in cursor]}


def from_checkpoint(checkpoint: Json) -> tuple[str, Cursor]:
    return checkpoint["span"], tuple(_decode(value) for value in checkpoint["after"])


def _encode(value: Any) -> Json:
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, bool | int | float | str):
        return value
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise ConfigurationError(f"Rows cannot be ordered by a column of {type(value).__name__}; cast it in sql=.")
    return {type(value).__name__: encode(value)}


def _decode(value: Json) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    return _DECODERS[kind](text)
