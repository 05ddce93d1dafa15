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

_WRITE: dict[type, Callable[[Any], str]] = {
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    Decimal: str,
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    timedelta: lambda value: f"{value // timedelta(microseconds=1)}",
}
_READ: dict[str, Callable[[str], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "Decimal": Decimal,
    "UUID": UUID,
    "bytes": base64.b64decode,
    "timedelta": lambda text: timedelta(microseconds=int(text)),
}


def encoded(span: str, cursor: Cursor) -> Json:
    return {"span": span, "after": [_write(value) for value in cursor]}


def decoded(checkpoint: Json) -> tuple[str, Cursor]:
    return checkpoint["span"], tuple(_read(value) for value in checkpoint["after"])


def _write(value: Any) -> Json:
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, bool | int | float | str):
        return value
    write = _WRITE.get(type(value))
    if write is None:
        raise ConfigurationError(f"Rows cannot be ordered by a column of {type(value).__name__}; cast it in sql=.")
    return {type(value).__name__: write(value)}


def _read(value: Json) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    return _READ[kind](text)
