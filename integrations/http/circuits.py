"""Circuit breakers: a host that keeps failing is not called for a while; then a single call probes it first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

Key = tuple[str, str]
"""Tenant and host: the failures of one tenant do not block another tenant."""

_MOST_HOSTS = 10_000
"""Failing hosts that are remembered; the oldest is forgotten first."""


class Breaker(Protocol):
    """Remembers failures for all clients that share the breaker. Every method may be called from any thread."""

    def blocked(self, key: Key) -> float:
        """Seconds before the next call is allowed; 0 allows this call, as the probe if the circuit was open."""
        ...

    def succeeded(self, key: Key) -> None: ...

    def failed(self, key: Key) -> float:
        """Count one failed call; return the seconds for which the circuit is open now, 0 while it is closed."""
        ...


@dataclass(slots=True)
class _State:
    failures: int = 0
    open_until: float = 0.0
    probe_until: float = 0.0


@dataclass(slots=True)
class Circuits:
    """The breakers of this process. `after` failed calls in a row open a circuit for `cooldown` seconds."""

    after: int = 3
    cooldown: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _states: dict[Key, _State] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def blocked(self, key: Key) -> float:
        with self._lock:
            state, now = self._states.get(key), self.clock()
            if state is None or state.failures < self.after:
                return 0.0
            wait = max(state.open_until, state.probe_until) - now
            if wait > 0:
                return wait
            # Half open: this call is the probe. If it never reports back, the next probe is allowed after the cooldown.
            state.probe_until = now + self.cooldown
            return 0.0

    def succeeded(self, key: Key) -> None:
        with self._lock:
            self._states.pop(key, None)

    def failed(self, key: Key) -> float:
        with self._lock:
            if key not in self._states and len(self._states) >= _MOST_HOSTS:
                self._states.pop(next(iter(self._states)))
            state = self._states.setdefault(key, _State())
            state.failures += 1
            if state.failures < self.after:
                return 0.0
            state.open_until, state.probe_until = self.clock() + self.cooldown, 0.0
            return self.cooldown


SHARED = Circuits()
"""The breaker of this process's clients unless they are created with another."""
