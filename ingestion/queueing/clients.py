"""The clients of the queues' Redis for callers that must not wait for it, and its absence as this process knows it.

One client for each way of connecting, kept as long as the process: a run, its rate limits and its errors refer to one
another, and a socket that only such a circle holds is closed when the circle is collected, whenever that is. Its pool
is safe for threads, and opens connections of its own in a child that was forked.
"""

from __future__ import annotations

import logging
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

logger = logging.getLogger("ingestion")
_SECONDS_UNTIL_NEXT_TRY = 5.0
_clients: dict[tuple[str, float | None], Redis] = {}


@dataclass(slots=True)
class Absence:
    """Whether Redis was unreachable a moment ago, so that not every call of this process has to wait for it."""

    _until: float = 0.0
    _hangs: bool = False
    _logged_at: float | None = None
    """When the absence was logged, by this process's clock: once, and again when Redis answers."""

    def note(self, error: Exception, *, quiet: bool = False, **fields: object) -> None:
        """Note that Redis has just not answered. `quiet` callers log it themselves; `fields` go with the log line."""
        self._hangs = isinstance(error, RedisTimeout | TimeoutError)
        self._until = time.monotonic() + _SECONDS_UNTIL_NEXT_TRY
        if self._logged_at is None and not quiet:
            self._logged_at = time.monotonic()
            logger.warning(
                "Redis is not reachable (%s); `manage.py ingest tick --loop` works without it, and wake-ups for runs "
                "that wait are sent again once it is back.",
                error,
                extra={"event": "wake_up", **fields},
            )

    def over(self) -> None:
        """Note that Redis has just answered."""
        self._until, self._hangs = 0.0, False
        if self._logged_at is not None:
            seconds, self._logged_at = time.monotonic() - self._logged_at, None
            text = "Redis answers again; this process had found it away %.0f s ago."
            logger.info(text, seconds, extra={"event": "wake_up"})

    @property
    def away(self) -> bool:
        """Whether Redis was unreachable a moment ago: for callers that can do without it."""
        return time.monotonic() < self._until

    @property
    def hangs(self) -> bool:
        """Whether a call is likely to wait for the whole timeout. A Redis that refuses connections answers quickly."""
        return self._hangs and self.away


absence = Absence()


def quick_queue(name: str) -> Queue:
    """A queue for callers that must not wait, such as a request or a tick: redis-py would retry for seconds."""
    return django_rq.get_queue(name, connection=_client(name, None))


def client(timeout: float = 1.0) -> Redis:
    """A client of the queues' Redis that gives up after `timeout` seconds, for work that can do without it."""
    return _client(config().TICK_QUEUE, timeout)


def _client(name: str, timeout: float | None) -> Redis:
    declared = django_rq.settings.QUEUES[name]
    if "USE_REDIS_CACHE" in declared:  # the cache uses that client too, so its settings and lifetime are the cache's
        return django_rq.get_connection(name)
    key = (repr(declared), timeout)
    return _clients.get(key) or _clients.setdefault(key, _open(name, timeout))


def _open(name: str, timeout: float | None) -> Redis:
    redis: Redis = django_rq.get_connection(name)
    pool: Any = redis.connection_pool
    if timeout is None or type(pool) is not ConnectionPool:  # Sentinel's looks up its server by itself
        redis.set_retry(Retry(NoBackoff(), 0))
        return redis
    waits = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": Retry(NoBackoff(), 0)}
    return Redis.from_pool(ConnectionPool(pool.connection_class, **{**pool.connection_kwargs, **waits}))
