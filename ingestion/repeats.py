"""Lines about a lasting cause, which would come with every tick or request: the first at once, then now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

_MOST = 1000
"""Causes that a process remembers; whoever sends many could make them endless."""


class Repeats:
    """What this process has written a line about, and when. One is due where there was none for `every` seconds."""

    def __init__(self, every: float = 600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._clock = every, clock
        self._written: dict[Hashable, tuple[float, int]] = {}

    def due(self, cause: Hashable) -> str | None:
        """What to end the line with, which says how many were left out; None when this one is to be left out."""
        at, left_out = self._written.get(cause, (None, 0))
        now = self._clock()
        if at is not None and now - at < self._every:
            self._written[cause] = at, left_out + 1
            return None
        if len(self._written) >= _MOST:
            self._written.clear()
        self._written[cause] = now, 0
        return f" ({left_out} more like this since the line before)" if left_out else ""

    def over(self, *causes: Hashable) -> None:
        """Let the next line be due at once again; of all causes when none is named."""
        for cause in causes or list(self._written):
            self._written.pop(cause, None)
