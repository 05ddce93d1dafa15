"""When a connection is due. A schedule is a value; the connection's row keeps the next due time, in UTC.

A due time is a function of the schedule and the connection alone, never of when somebody last looked: any number of
tickers find the same ones. Each connection is moved by its own share of a spread, so that a thousand tenants on one
cron expression do not start in the same second.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from ingestion.core.cron import next_instant
from ingestion.core.declarations import require, shown
from ingestion.core.durations import span_text
from ingestion.core.errors import ConfigurationError
from ingestion.core.time_zones import zone_named
from ingestion.core.windows import EPOCH

_DAY = timedelta(days=1)
_FURTHEST = 3_000_000_000
"""Larger than the seconds of 95 years; intervals are never that long."""

CatchUp = Literal["coalesce", "each", "skip"]
"""What becomes of due times that passed while nothing could run: one run for all, one run for each, or none."""
CATCH_UPS: tuple[CatchUp, ...] = ("coalesce", "each", "skip")


@dataclass(frozen=True, slots=True)
class Place:
    """What a connection adds to its schedule."""

    zone: str = "UTC"
    """The tenant's time zone, for cron expressions that name none."""
    share: float = 0.0
    """Where in the spread this connection stands: 0 at its beginning, below 1."""


def place_of(tenant: str, pipeline: str, name: str, zone: str) -> Place:
    """The place of a connection: the same on every host and for ever, spread evenly over connections."""
    digest = hashlib.sha256(f"{tenant}\0{pipeline}\0{name}".encode()).digest()
    return Place(zone, int.from_bytes(digest[:6], "big") / 2**48)


class Schedule(Protocol):
    def after(self, moment: datetime, place: Place) -> datetime:
        """The first due time later than `moment`, aware and in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval, counted from 1970 in UTC; daylight saving changes nothing about it.

    `spread` (the whole interval by default) is how far connections are moved apart; 0 runs all of them at once.
    """

    minutes: float = 0
    """Length of the interval; all four are added up."""
    seconds: float = 0
    """The same, in seconds."""
    hours: float = 0
    """The same, in hours."""
    days: float = 0
    """The same, in days."""
    spread: timedelta | None = None
    """How far connections are moved apart; None: over the whole interval."""

    def __post_init__(self) -> None:
        spans: tuple[Any, ...] = (self.minutes, self.seconds, self.hours, self.days)
        numbers = all(isinstance(span, int | float) and not isinstance(span, bool) for span in spans)
        require(numbers, "Every()", spans, "made of numbers, such as Every(minutes=15)")
        seconds = sum(span * unit for span, unit in zip(spans, (60, 1, 3600, 86_400), strict=True))
        near = all(abs(span) < _FURTHEST for span in spans) and seconds < _FURTHEST
        require(near, "Every()", spans, "an interval of less than a century")
        if self.interval < timedelta(seconds=1):
            raise ConfigurationError("Every() needs an interval of a second or more, for example Every(minutes=15).")
        _check_spread(self.spread, self.interval)

    def __str__(self) -> str:
        return f"every {span_text(self.interval)}"

    @property
    def interval(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours, minutes=self.minutes, seconds=self.seconds)

    def after(self, moment: datetime, place: Place) -> datetime:
        origin = EPOCH + _shift(self.interval if self.spread is None else self.spread, place)
        return origin + ((moment - origin) // self.interval + 1) * self.interval


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, read in `zone` (the tenant's own when it is '').

    When clocks go forward, a job at a fixed time in the missing hour runs as soon as that hour is over; when they go
    back, it runs once, the first time. Jobs with a star in the minutes or hours follow real time: those of every hour
    run in both of the hours that look the same, and those of a missing hour (`15 */2 * * *`) have none that day.
    """

    expression: str
    """Minute, hour, day of the month, month, day of the week: "0 3 * * *"."""
    zone: str = ""
    """A zone such as "Europe/Berlin"; '' for the tenant's own."""
    spread: timedelta = timedelta(minutes=5)
    """How far connections are moved apart."""

    def __post_init__(self) -> None:
        expression: object = self.expression
        if not isinstance(expression, str) or len(expression.split()) != 5:
            raise ConfigurationError(
                f"{shown(expression)} is not a cron expression: it takes five fields (minute, hour, day of the month, "
                'month, day of the week), for example "0 3 * * *" for every night at three.'
            )
        zone, spread = self.zone, self.spread
        require(isinstance(zone, str), "zone of Cron()", zone, 'the name of a time zone, such as "Europe/Amsterdam"')
        if zone:
            zone_named(zone)
        expected = "a timedelta, such as timedelta(minutes=5)"
        require(isinstance(spread, timedelta), "spread of Cron()", spread, expected)
        _check_spread(spread, _DAY)
        self.after(EPOCH, Place())

    def __str__(self) -> str:
        return f"cron {self.expression}" + (f" in {self.zone}" if self.zone else "")

    def after(self, moment: datetime, place: Place) -> datetime:
        shift = _shift(self.spread, place)
        return next_instant(self.expression, zone_named(self.zone or place.zone), moment - shift) + shift


def first_due(schedule: Schedule, now: datetime, place: Place) -> datetime:
    """The first due time of a new connection: now for an interval, the next time for any other schedule."""
    return now if isinstance(schedule, Every) else schedule.after(now, place)


def upcoming(schedule: Schedule, moment: datetime, place: Place, count: int = 5) -> list[datetime]:
    """The next `count` due times after `moment`."""
    due_times: list[datetime] = []
    for _ in range(count):
        moment = schedule.after(moment, place)
        due_times.append(moment)
    return due_times


def _shift(spread: timedelta, place: Place) -> timedelta:
    return timedelta(seconds=int(spread.total_seconds() * place.share))


def _check_spread(spread: timedelta | None, most: timedelta) -> None:
    if spread is not None and not isinstance(spread, timedelta):
        raise ConfigurationError(f"spread={shown(spread)} must be a timedelta, such as timedelta(minutes=5).")
    if spread is not None and not timedelta() <= spread <= most:
        raise ConfigurationError(f"A spread of {spread} does not fit; give one from 0 up to {span_text(most)}.")
