"""The clients of the queues' Redis for whoever must not wait for it, and what this process knows of its absence.

One client for each way of connecting, kept as long as the process: a run, its rate limits and its errors refer to one
another, and a socket that only such a circle holds is closed when the circle is collected, whenever that is. Its pool
is safe for threads, and opens connections of its own in a child that was forked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import django_rq
from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import TimeoutError as RedisTimeout
from redis.retry import Retry
from rq import Queue

from ingestion.conf import config

_ASK_AGAIN_SECONDS = 5.0
_clients: dict[tuple[str, float | None], Redis] = {}


@dataclass(slots=True)
class Absence:
    """What this process knows of Redis being away, so that not everybody finds it out anew."""

    _until: float = 0.0
    _hangs: bool = False

    def note(self, error: Exception) -> None:
        """It did not answer just now."""
        self._hangs = isinstance(error, RedisTimeout | TimeoutError)
        self._until = time.monotonic() + _ASK_AGAIN_SECONDS

    def over(self) -> None:
        """It answered just now."""
        self._until, self._hangs = 0.0, False

    @property
    def away(self) -> bool:
        """Whether it was away a moment ago: for whoever has something in its place."""
        return time.monotonic() < self._until

    @property
    def hangs(self) -> bool:
        """Whether asking is likely to cost a whole timeout. One that refuses the connection is quick and no such."""
        return self._hangs and self.away


absence = Absence()


def quick_queue(name: str) -> Queue:
    """For whoever must not wait: a request, a tick. redis-py would try each command again for seconds."""
    return django_rq.get_queue(name, connection=_client(name, None))


def client(timeout: float = 1.0) -> Redis:
    """A client of the queues' Redis that gives up after `timeout` seconds, for work that can do without it."""
    return _client(config().TICK_QUEUE, timeout)


def _client(name: str, timeout: float | None) -> Redis:
    declared = django_rq.settings.QUEUES[name]
    if "USE_REDIS_CACHE" in declared:  # that client is the cache's, too: its settings and its life are not ours
        return django_rq.get_connection(name)
    key = (repr(declared), timeout)
    return _clients.get(key) or _clients.setdefault(key, _opened(name, timeout))


def _opened(name: str, timeout: float | None) -> Redis:
    made: Redis = django_rq.get_connection(name)
    pool: Any = made.connection_pool
    if timeout is None or type(pool) is not ConnectionPool:  # Sentinel's looks up its server by itself
        made.set_retry(Retry(NoBackoff(), 0))
        return made
    waits = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    return Redis.from_pool(ConnectionPool(pool.connection_class, **{**pool.connection_kwargs, **waits}))
