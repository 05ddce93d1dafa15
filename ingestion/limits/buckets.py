"""Token buckets: one per tenant and integration in Redis, and a small one in this process for when Redis is away.

Both give out places in a line: whoever takes one knows when its turn is, nobody is overtaken, and in any stretch of t
seconds no more than burst + per_second * t goes through.
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
class Place:
    """A turn in the line: `wait` seconds from now. `ready` and `epoch` find it again."""

    wait: float
    ready: float = 0.0
    epoch: str = ""


class Bucket(Protocol):
    def take(self, weight: float, patience: float) -> Place:
        """A place in the line. Where its wait is longer than `patience` seconds, nothing was taken."""

    def due(self, place: Place) -> Place | None:
        """The place with what is left of its wait; None when the line was lost and a new place must be taken."""

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""


def key_of(tenant: TenantRef, integration: str) -> str:
    """The tenant comes first and has no colon, so no name of an integration reaches another tenant's bucket."""
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

    def take(self, weight: float, patience: float) -> Place:
        return self._ask("take", weight, self._rate.per_second, self._rate.burst, patience)

    def due(self, place: Place) -> Place | None:
        left = self._ask("due", self._rate.per_second, self._rate.burst, f"{place.ready:.6f}", place.epoch)
        return left if left.wait >= 0 else None

    def hold(self, seconds: float) -> None:
        self._ask("hold", self._rate.per_second, self._rate.burst, seconds)

    def held(self) -> float:
        """Seconds for which nobody is let through yet; 0 when somebody may go."""
        return self._ask("look", self._rate.per_second, self._rate.burst).wait

    def free(self) -> float:
        """End a hold; the seconds that were left of it."""
        return self._ask("free", self._rate.per_second, self._rate.burst).wait

    def _ask(self, *arguments: Any) -> Place:
        wait, ready, epoch = self._script(keys=[self._key], args=arguments)
        return Place(float(wait), float(ready), _text(epoch))


@dataclass(slots=True)
class LocalBucket:
    """The same arithmetic for the threads of this process. Starts empty: what others have just used is not known."""

    per_second: float
    burst: float
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _tokens: float = 0.0
    _held_until: float = 0.0
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._at = self.clock()

    def take(self, weight: float, patience: float) -> Place:
        with self._lock:
            now = self.clock()
            start = max(now, self._held_until)
            self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.per_second)
            self._at = now
            wait = start - now + max(0.0, weight - self._tokens) / self.per_second
            if wait <= patience:
                self._tokens -= weight
            return Place(wait, now + wait)

    def due(self, place: Place) -> Place | None:
        now = self.clock()
        return Place(max(0.0, place.ready - now, self._held_until - now), place.ready)

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._held_until = max(self._held_until, self.clock() + seconds)
            self._tokens = min(self._tokens, 0.0)

    def free(self) -> None:
        with self._lock:
            self._held_until = 0.0


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
