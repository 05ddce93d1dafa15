"""What the layers below know of the call they work for: how long, how much, and whose run stays alive meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from integrations.http.limits import Limits

SLICE = 2.0
"""Seconds between two signs of life of the run while a call waits."""


class OutOfTime(Exception):
    """The call's deadline has passed."""


class TooLarge(Exception):
    """The answer has more bytes than the call may take; the text says which limit."""


@dataclass(slots=True)
class Call:
    """One call of a client, over all its attempts."""

    id: str
    limits: Limits
    ends: float
    """When its deadline is, on `clock`."""
    clock: Callable[[], float]
    beat: Callable[[], None]
    plain_http: bool = False
    attempt: int = 0
    tls: bool = True
    """Whether this attempt goes to an https address."""
    received: int = 0
    """Bytes that came over the wire in this attempt."""

    def left(self) -> float:
        """Seconds to the deadline. Raises OutOfTime when there are none."""
        seconds = self.ends - self.clock()
        if seconds <= 0:
            raise OutOfTime
        return seconds

    def took(self, count: int) -> None:
        """Count bytes off the wire. Raises TooLarge."""
        self.received += count
        if self.received > self.limits.wire_bytes:
            raise TooLarge(f"more than {self.limits.wire_bytes} bytes (Limits.wire_bytes)")


CURRENT: ContextVar[Call | None] = ContextVar("integrations.http.call", default=None)
"""The call this thread works for. Connections outlive calls, so they ask at every read."""


def current() -> Call:
    call = CURRENT.get()
    if call is None:
        raise RuntimeError("The network is reached through Client.request only.")
    return call
