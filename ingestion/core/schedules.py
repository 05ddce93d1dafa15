"""When a connection is due. A schedule is a value; the connection row keeps the next due time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


class Schedule(Protocol):
    def next_due(self, due: datetime, now: datetime) -> datetime:
        """The first due time after `now` that follows `due`; periods missed in between coalesce into one run."""
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """A fixed interval, kept in phase with the first due time."""

    minutes: float = 0
    seconds: float = 0
    hours: float = 0

    def __post_init__(self) -> None:
        if self.interval <= timedelta(0):
            raise ValueError("Every() needs a positive interval, for example Every(minutes=15).")

    @property
    def interval(self) -> timedelta:
        return timedelta(hours=self.hours, minutes=self.minutes, seconds=self.seconds)

    def next_due(self, due: datetime, now: datetime) -> datetime:
        missed = max(0, (now - due) // self.interval)
        return due + (missed + 1) * self.interval
