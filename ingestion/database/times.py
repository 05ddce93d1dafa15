"""Converts moments, days, times of day and durations into their columns: none is moved, cut or guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.database.unfit import ColumnFault

_MICROSECONDS = 2**63
"""The limit of databases without durations, which store them as whole microseconds."""


def moment(connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    """The adapter of a DateTimeField, in the database's zone; years outside of 1 to 9999 there are refused."""
    zone = UTC if connection.vendor == "postgresql" else connection.timezone
    prepare = connection.ops.adapt_datetimefield_value

    def adapt(value: Any) -> Any:
        if not isinstance(value, datetime):
            raise ColumnFault("datetime", f"{value!r} is not a datetime.")
        if value.tzinfo is None:
            raise ColumnFault("naive_datetime", f"{value} has no time zone; give an aware datetime, best in UTC.")
        if zone is None:
            return prepare(value)
        try:
            local = value.astimezone(zone)
        except (OverflowError, ValueError):
            raise ColumnFault("out_of_range", f"{value} is outside the years 1 to 9999 in {zone}.") from None
        return local if zone is UTC and connection.vendor == "postgresql" else local.replace(tzinfo=None).isoformat(" ")

    return adapt


def day(connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    prepare = connection.ops.adapt_datefield_value

    def adapt(value: Any) -> Any:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise ColumnFault("date", f"{value!r} is not a date.")
        return prepare(value)

    return adapt


def time_of_day(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    prepare = connection.ops.adapt_timefield_value

    def adapt(value: Any) -> Any:
        parsed = _parse(value, field) if isinstance(value, str) else value
        if not isinstance(parsed, time):  # nor a datetime, whose day would be lost
            raise ColumnFault("time", f"{value!r} is not a time of day.")
        if parsed.tzinfo is not None:
            raise ColumnFault("time_zone", f"{value} has an offset, which a column of times cannot hold; take it off.")
        return prepare(parsed)

    return adapt


def _parse(text: str, field: models.Field[Any, Any]) -> Any:
    """The time in `text` with its offset, which Django would drop."""
    try:
        return time.fromisoformat(text.strip())
    except ValueError:
        return field.to_python(text)


def duration(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    def adapt(value: Any) -> Any:
        span = field.to_python(value) if isinstance(value, str) else value
        if not isinstance(span, timedelta):
            raise ColumnFault("duration", f"{value!r} is not a duration; give a timedelta.")
        if not -_MICROSECONDS <= span // timedelta(microseconds=1) < _MICROSECONDS:
            raise ColumnFault("out_of_range", f"{span} is beyond the 292,000 years that every database takes.")
        return field.get_db_prep_save(span, connection)

    return adapt
