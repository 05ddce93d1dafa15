"""The state of a call that its lower layers need: the deadline, the byte limit, and the heartbeat of its run."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

from integrations.http.limits import Limits

SLICE = 2.0
"""Seconds between two heartbeats of the run while a call waits."""


class OutOfTime(Exception):
    """The call's deadline has passed."""


class TooLarge(Exception):
    """The response has more bytes than the call may take; the text names the limit."""


@dataclass(slots=True)
class ClientCall:
    """One call of a client, over all its attempts."""

    id: str
    limits: Limits
    deadline: float
    """When the call must end, on `clock`."""
    clock: Callable[[], float]
    beat: Callable[[], None]
    plain_http: bool = False
    attempt: int = 0
    tls: bool = True
    """Whether this attempt goes to an https address."""
    received: int = 0
    """Bytes received over the network in this attempt."""

    def seconds_left(self) -> float:
        """Seconds to the deadline. Raises OutOfTime when it has passed."""
        seconds = self.deadline - self.clock()
        if seconds <= 0:
            raise OutOfTime
        return seconds

    def count_received(self, count: int) -> None:
        """Add received bytes to the count. Raises TooLarge above the limit."""
        self.received += count
        if self.received > self.limits.wire_bytes:
            raise TooLarge(f"more than {self.limits.wire_bytes} bytes (Limits.wire_bytes)")


CURRENT: ContextVar[ClientCall | None] = ContextVar("integrations.http.call", default=None)
"""The call that this thread works for. A pooled connection outlives a call, so it looks the call up at every read."""


def current() -> ClientCall:
    call = CURRENT.get()
    if call is None:
        raise RuntimeError("The network is reached through Client.request only.")
    return call
