"""Frozen half-open windows [start, end) in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the source's time that one run reads. `start` is included, `end` is not; both aware, in UTC."""

    start: datetime
    """Included."""
    end: datetime
    """Not included."""

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if getattr(self, name).tzinfo is None:
                raise ValueError(f"Window {name} is naive; give a timezone-aware datetime, for example in UTC.")
        if self.start > self.end:
            raise ValueError(f"Window starts at {self.start} after its end {self.end}.")


def split(window: Window, step: timedelta) -> list[Window]:
    """`window` in parts of `step`, each beginning where the one before it ends; the last one may be shorter."""
    parts: list[Window] = []
    start = window.start
    while start < window.end:
        end = min(start + step, window.end)
        parts.append(Window(start, end))
        start = end
    return parts


def next_window(watermark: datetime | None, now: datetime, lag: timedelta) -> Window:
    """The window after `watermark`, reaching back by `lag` because sources publish late; from 1970 the first time."""
    start = EPOCH if watermark is None or watermark - EPOCH <= lag else watermark - lag
    return Window(min(start, now), now)
