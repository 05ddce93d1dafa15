"""`ctx.throttle` and `ctx.hold_off`: one run's way to its tenant's bucket."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from ingestion import queueing
from ingestion.conf import Rate, config
from ingestion.core.context import TenantRef
from ingestion.core.errors import ConfigurationError, Transient
from ingestion.limits.buckets import Bucket, LocalBucket, Place, SharedBucket, key_of
from ingestion.limits.tiers import rate_of

logger = logging.getLogger("ingestion")

STEP = 1.0
"""Seconds between two looks at whether to stop, and whether the bucket was held meanwhile."""
_TRY_AGAIN = 5.0
"""Seconds before Redis is asked again after it did not answer."""


@dataclass(slots=True)
class Outage:
    """What this process knows of Redis being away: said once, and not asked again with every call."""

    until: float = 0.0
    buckets: dict[str, LocalBucket] = field(default_factory=dict)
    """By the key they stand in for; kept for the process, so that many short runs share one."""


_outage = Outage()


def _quiet() -> None:
    return None


class Throttle:
    """Waits for the tenant's turn at an integration. Used by one thread."""

    def __init__(
        self,
        tenant: TenantRef,
        tier: str,
        integration: str,
        *,
        pulse: Callable[[], None] = _quiet,
        patience: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        connect: Callable[[], Any] = queueing.client,
        outage: Outage = _outage,
    ) -> None:
        self._tenant = tenant
        self._integration = integration
        self._key = key_of(tenant, integration)
        self._rate = rate_of(integration, tier)
        self._pulse = pulse
        self._patience = config().THROTTLE_SECONDS if patience is None else patience
        self._sleep = sleep
        self._connect = connect
        self._outage = outage
        self._shared: SharedBucket | None = None

    def __call__(self, weight: float = 1.0) -> None:
        """Return when a call of `weight` may be made. Calls `pulse` while waiting, which raises to stop it."""
        self._check(weight)
        started = time.monotonic()
        place, bucket = self._take(weight, self._patience)
        while place.wait > 0:
            left = self._patience - (time.monotonic() - started)
            if place.wait > left:
                raise self._too_long(place.wait)
            self._sleep(min(place.wait, STEP))
            self._pulse()
            now = self._due(bucket, place)
            if now is None:
                now, bucket = self._take(weight, left)
            place = now

    def hold_off(self, seconds: float) -> None:
        """Let no worker call for `seconds`, at most INGESTION["BACKOFF_CAP_SECONDS"]. Nonsense is ignored."""
        if not math.isfinite(seconds) or seconds <= 0:
            return
        seconds = min(seconds, config().BACKOFF_CAP_SECONDS)
        logger.info(
            "%s asked to be left alone for %.1f s.",
            self._integration,
            seconds,
            extra={"tenant_id": self._tenant.id, "event": "hold_off"},
        )
        self._local().hold(seconds)  # also here, should Redis go away before the hold is over
        try:
            if self._reachable():
                self._in_redis().hold(seconds)
        except (RedisError, OSError) as error:
            self._lost(error)

    def _check(self, weight: float) -> None:
        if not math.isfinite(weight) or weight <= 0:
            raise ConfigurationError(f"A call weighs {weight}; give a number above 0.")
        if weight > self._rate.burst:
            raise ConfigurationError(
                f"A call of weight {weight:g} can never be made: the burst for {self._integration} is "
                f'{self._rate.burst:g}. Raise it in INGESTION["RATES"], or make smaller calls.'
            )

    def _take(self, weight: float, patience: float) -> tuple[Place, Bucket]:
        try:
            if self._reachable():
                shared = self._in_redis()
                place = shared.take(weight, patience)
                self._back()
                return place, shared
        except (RedisError, OSError) as error:
            self._lost(error)
        local = self._local()
        return local.take(weight, patience), local

    def _due(self, bucket: Bucket, place: Place) -> Place | None:
        try:
            return bucket.due(place)
        except (RedisError, OSError) as error:
            self._lost(error)
            return None

    def _in_redis(self) -> SharedBucket:
        if self._shared is None:
            self._shared = SharedBucket(self._connect(), self._key, self._rate)
        return self._shared

    def _local(self) -> LocalBucket:
        share: Rate = self._rate
        part = config().RATE_WITHOUT_REDIS
        return self._outage.buckets.setdefault(
            self._key, LocalBucket(share.per_second * part, max(1.0, share.burst * part))
        )

    def _reachable(self) -> bool:
        return time.monotonic() >= self._outage.until

    def _lost(self, error: Exception) -> None:
        if self._outage.until == 0.0:
            logger.warning(
                "Redis is not reachable (%s); each process keeps to %g of the rates by itself until it is back.",
                error,
                config().RATE_WITHOUT_REDIS,
                extra={"tenant_id": self._tenant.id, "event": "throttle"},
            )
        self._outage.until = time.monotonic() + _TRY_AGAIN

    def _back(self) -> None:
        if self._outage.until:
            self._outage.until = 0.0
            logger.info("Redis answers again; rates are shared by all workers.", extra={"event": "throttle"})

    def _too_long(self, wait: float) -> Transient:
        return Transient(
            f"{self._integration} may be called again for {self._tenant.key} in {wait:.0f} s; the run goes on then.",
            retry_after=wait,
        )
