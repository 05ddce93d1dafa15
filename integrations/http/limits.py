"""The limits of one call in time and memory."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from ingestion import ConfigurationError

_SMALLEST = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. `deadline` covers the whole call, with its retries and their waits."""

    connect: float = 10.0
    """To reach the host and agree on TLS."""
    read: float = 30.0
    """Between two pieces of data from the source."""
    deadline: float = 120.0
    """For the whole call. Waits for the tenant's own rate limit do not count."""
    wire_bytes: int = 32 * 1024 * 1024
    """Size of one response on the network, with its headers."""
    body_bytes: int = 64 * 1024 * 1024
    """Size of one response's decompressed body."""
    attempts: int = 6
    """Attempts of a call that may be repeated."""
    backoff: float = 0.5
    """Wait before the second attempt; it doubles for every further attempt, with jitter."""
    backoff_cap: float = 30.0
    """Longest wait between attempts unless the source requests a longer one."""
    retry_after_cap: float = 3600.0
    """Longest wait that is accepted from a source."""
    redirects: int = 3
    """Redirects followed in a row, within the same origin only."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, minimum = getattr(self, field.name), 0 if field.name == "redirects" else _SMALLEST
            if not minimum <= value < math.inf:
                above = "0 or more" if field.name == "redirects" else "above 0"
                raise ConfigurationError(f"Limits.{field.name} must be a number {above}; it is {value!r}.")


DEFAULT = Limits()
