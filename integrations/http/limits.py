"""What one call may take of time and memory."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from ingestion import ConfigurationError

_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes. `deadline` spans everything a call does, retries and their waits included."""

    connect: float = 10.0
    """To reach the host and agree on TLS."""
    read: float = 30.0
    """Between two signs of life of an answer."""
    deadline: float = 120.0
    """For the call as a whole. Waiting for the tenant's own rate limit does not count."""
    wire_bytes: int = 32 * 1024 * 1024
    """Of one answer as it comes over the network, headers included."""
    body_bytes: int = 64 * 1024 * 1024
    """Of one answer's body, decompressed."""
    attempts: int = 6
    """For calls that may be repeated."""
    backoff: float = 0.5
    """Wait before the second attempt; doubled for every further one, with jitter."""
    backoff_cap: float = 30.0
    """Longest wait of our own choice."""
    retry_after_cap: float = 3600.0
    """Longest wait that a source is believed to mean."""
    redirects: int = 3
    """Followed in a row, on the same origin only."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, least = getattr(self, field.name), 0 if field.name == "redirects" else _LEAST
            if not least <= value < math.inf:
                above = "0 or more" if field.name == "redirects" else "above 0"
                raise ConfigurationError(f"Limits.{field.name} must be a number {above}; it is {value!r}.")


DEFAULT = Limits()
