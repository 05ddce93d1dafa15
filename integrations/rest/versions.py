"""Turns the time or number that orders a record's states into a version: a whole number that grows with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ingestion import RecordError
from integrations.rest.fields import member, parse_time

Unit = Literal["", "seconds", "milliseconds", "microseconds", "nanoseconds", "counter"]
_SCALE = 1_000_000
_PER_UNIT = {
    "seconds": Decimal(_SCALE),
    "milliseconds": Decimal(1000),
    "microseconds": Decimal(1),
    "nanoseconds": Decimal("0.001"),
}
"""Microseconds in each unit."""
_FROM, _UNTIL = 946_684_800 * _SCALE, 4_102_444_800 * _SCALE
"""The years 2000 to 2100, in microseconds: a number without a declared unit is read as a time in them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK_TOLERANCE = timedelta(days=1)
"""Longer than any error of clocks and time zones."""
_FINE, _COARSE, _HIGHEST = 8 * 10**12, 10**18, 13 * 10**18
"""Counters up to the first limit keep their decimals, up to the second every whole step; beyond it 64 steps are one."""
_DECLARE = "Declare how it is to be read: updated_unit, such as counter or milliseconds."


def version_of(record: Any, name: str, now: datetime | None = None, unit: Unit = "") -> int | None:
    """The record's time in microseconds since 1970, or its number as `counter` gives it; None where it has none.

    Times without a zone are taken as UTC. A number is read in its `unit`. Without a unit it is a time of 2000 to 2100
    in any of them, so that a source may change its unit; or a counter, if it is below the year 2000 in seconds. Any
    other number may be a time in another unit, and a growing counter would go back there.

    Raises RecordError for such a number, for a value that is neither, and for a time of more than a day after `now`:
    no later change of the record would ever be newer.
    """
    value = member(record, name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise RecordError(f"{name} is neither a time nor a version.")
    number = _number(value)
    if number is not None:
        return _require_counter_version(name, number) if unit == "counter" else _time_version(name, number, now, unit)
    at = parse_time(str(value))
    if at is None or unit == "counter":
        raise RecordError(f"{name} is {'no number' if at else 'neither a time nor a version'}: {str(value)[:40]!r}.")
    return _require_not_future(name, str(value), (at - _EPOCH) // timedelta(microseconds=1), now)


def latest_accepted(now: datetime) -> int:
    """The version of the latest time that is accepted: a day ahead of `now`."""
    return int((now + _CLOCK_TOLERANCE).timestamp()) * _SCALE


def version_of_counter(number: Decimal) -> int | None:
    """A version that grows with the counter and fits its column; None where the counter is too large.

    Small counters are multiplied by a million, as times in seconds are, so that they compare with rows from before
    `counter` was declared. Larger counters grow by one a step, and from 10**18 on by one every 64 steps: a number of so
    many digits mostly consists of a time and something else.
    """
    if not -_FINE <= number < _HIGHEST:
        return None
    if number < _FINE:
        return int(number * _SCALE)
    if number < _COARSE:
        return _FINE * _SCALE + int(number) - _FINE
    return _FINE * _SCALE + _COARSE - _FINE + (int(number) - _COARSE) // 64


def _require_counter_version(name: str, number: Decimal) -> int:
    version = version_of_counter(number)
    if version is None:
        raise RecordError(f"{name} is too large for a time or version.")
    return version


def _time_version(name: str, number: Decimal, now: datetime | None, unit: Unit) -> int:
    if unit:
        return _require_not_future(name, str(number), int(number * _PER_UNIT[unit]), now)
    if -_FINE <= number < _FROM // _SCALE:
        return int(number * _SCALE)
    for scale in _PER_UNIT.values():
        if _FROM <= number * scale < _UNTIL:
            return _require_not_future(name, str(number), int(number * scale), now, f" If it is no time: {_DECLARE}")
    raise RecordError(
        f"{name} may be a time in seconds, milliseconds or smaller ones that is not between 2000 and 2100, or a number "
        f"that counts: {str(number)[:40]!r}. {_DECLARE}"
    )


def _require_not_future(name: str, text: str, micros: int, now: datetime | None, hint: str = "") -> int:
    if abs(micros) > _FINE * _SCALE:
        raise RecordError(f"{name} is too large for a time or version.")
    if now is not None and micros > latest_accepted(now):
        raise RecordError(
            f"{name} lies in the future, {text[:40]!r}: no later change of the record would be newer, so it is not "
            f"stored. Have the source mend it, then replay the record.{hint}"
        )
    return micros


def _number(value: Any) -> Decimal | None:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() and number.adjusted() < 40 else None
