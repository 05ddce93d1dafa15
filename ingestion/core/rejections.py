"""What a record is rejected with, by what was raised about it."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from ingestion.core.errors import FieldError, FileRefused, RecordError
from ingestion.core.records import Record, Rejected, Stage
from ingestion.core.text import counted, error_text

_MAX_ERRORS = 50
"""Errors kept per record: an object with 100,000 wrong items must not make a 100,000-item dead letter."""


def refused(record: Record, error: RecordError | FileRefused) -> Rejected:
    """`record`, which could not be read."""
    name = type(error).__name__
    errors = error.errors if isinstance(error, RecordError) else (FieldError("", name, error_text(error)),)
    return Rejected(record, Stage.EXTRACT, name, errors)


def invalid(record: Record, error: ValidationError) -> Rejected:
    """`record`, which is not as its schema wants it: an error for each field, at most 50."""
    return Rejected(record, Stage.VALIDATE, "ValidationError", tuple(_field_errors(error)))


def _field_errors(error: ValidationError) -> Iterator[FieldError]:
    details = error.errors(include_url=False, include_input=False, include_context=False)
    for detail in details[:_MAX_ERRORS]:
        yield FieldError(".".join(str(part) for part in detail["loc"]), detail["type"], detail["msg"])
    if len(details) > _MAX_ERRORS:
        yield FieldError(
            "", "more_errors", f"{counted(len(details) - _MAX_ERRORS, 'more error was', 'more errors were')} left out."
        )
