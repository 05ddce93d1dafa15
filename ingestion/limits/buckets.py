"""Token buckets: one per tenant and integration in Redis, and a small one in each process for when Redis is away.

Both give out reservations in the order of the requests: a reservation says how long its call must wait, no later call
goes before an earlier one, and in any stretch of t seconds no more than burst + per_second * t goes through.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from ingestion.conf import Rate
from ingestion.core.context import TenantRef


@dataclass(frozen=True, slots=True)
class Reservation:
    """Permission for one call in `wait` seconds. `ready` and `epoch` identify it for a later question."""

    wait: float
    ready: float = 0.0
    epoch: str = ""


class Bucket(Protocol):
    def take(self, weight: float, patience: float) -> Reservation:
        """Reserve a call. Where its wait is longer than `patience` seconds, nothing was reserved."""

    def due(self, reservation: Reservation) -> Reservation | None:
        """The reservation with the rest of its wait; None when the bucket was lost and a new one is needed."""

    def hold(self, seconds: float) -> None:
        """Let no call through for so long."""


def key_of(tenant: TenantRef, integration: str) -> str:
    """The bucket's key. The tenant comes first and has no colon: no integration reaches another tenant's bucket."""
    name = re.sub(r"[^\w.-]", "_", integration, flags=re.ASCII)
    if name != integration or len(name) > 100:
        name = f"{name[:60]}-{hashlib.sha256(integration.encode()).hexdigest()[:16]}"
    return f"ingestion:{tenant.key}:bucket:{name}"


@cache
def _lua() -> str:
    return (Path(__file__).parent / "bucket.lua").read_text()


class SharedBucket:
    """In Redis, by Redis's own clock; every step is one atomic script. Raises redis.RedisError."""

    def __init__(self, client: Any, key: str, rate: Rate) -> None:
        self._script = client.register_script(_lua())
        self._key = key
        self._rate = rate

    def take(self, weight: float, patience: float) -> Reservation:
        return self._ask("take", weight, self._rate.per_second, self._rate.burst, patience)

    def due(self, reservation: Reservation) -> Reservation | None:
        remaining = self._ask(
            "due", self._rate.per_second, self._rate.burst, f"{reservation.ready:.6f}", reservation.epoch
        )
        return remaining if remaining.wait >= 0 else None

    def hold(self, seconds: float) -> None:
        self._ask("hold", self._rate.per_second, self._rate.burst, seconds)

    def hold_seconds(self) -> float:
        """Seconds for which no call is let through yet; 0 when there is no hold."""
        return self._ask("look", self._rate.per_second, self._rate.burst).wait

    def free(self) -> float:
        """End a hold; return the seconds that were left of it."""
        return self._ask("free", self._rate.per_second, self._rate.burst).wait

    def _ask(self, *arguments: Any) -> Reservation:
        wait, ready, epoch = self._script(keys=[self._key], args=arguments)
        return Reservation(float(wait), float(ready), _text(epoch))


@dataclass(slots=True)
class LocalBucket:
    """The same arithmetic for the threads of this process. Starts empty: recent calls elsewhere are unknown."""

    per_second: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _tokens: float = 0.0
    _held_until: float = 0.0
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._at = self.clock()

    def take(self, weight: float, patience: float) -> Reservation:
        with self._lock:
            now = self.clock()
            start = max(now, self._held_until)
            self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.per_second)
            self._at = now
            wait = start - now + max(0.0, weight - self._tokens) / self.per_second
            if wait <= patience:
                self._tokens -= weight
            return Reservation(wait, now + wait)

    def due(self, reservation: Reservation) -> Reservation | None:
        now = self.clock()
        return Reservation(max(0.0, reservation.ready - now, self._held_until - now), reservation.ready)

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._held_until = max(self._held_until, self.clock() + seconds)
            self._tokens = min(self._tokens, 0.0)

    def free(self) -> None:
        with self._lock:
            self._held_until = 0.0


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
