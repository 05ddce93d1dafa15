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
from ingestion.core.errors import ConfigurationError, HeldOff
from ingestion.limits.buckets import Bucket, LocalBucket, Place, SharedBucket, key_of
from ingestion.limits.tiers import rate_of

logger = logging.getLogger("ingestion")

STEP = 1.0
"""Seconds between two looks at whether to stop, and whether the bucket was held meanwhile."""


@dataclass(slots=True)
class PlaceholderRows:
    """The buckets of this process, used while Redis is away; kept for it, so that many short runs share one."""

    absence: queueing.Absence = field(default_factory=queueing.Absence)
    buckets: dict[tuple[str, Rate], LocalBucket] = field(default_factory=dict)
    """By the key they stand in for and its rate: a tenant's tier may change while the process lives."""
    used: bool = False
    """Said already that they are in use."""


_stand_ins = PlaceholderRows(queueing.absence)


def release_here(tenant: TenantRef, integration: str, stand_ins: PlaceholderRows = _stand_ins) -> None:
    """End a hold in this process's own buckets; other processes end theirs by themselves, they matter without Redis."""
    for (key, _), bucket in list(stand_ins.buckets.items()):
        if key == key_of(tenant, integration):
            bucket.free()


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
        stand_ins: PlaceholderRows = _stand_ins,
    ) -> None:
        self._tenant = tenant
        self._integration = integration
        self._key = key_of(tenant, integration)
        self._rate = rate_of(integration, tier)
        self._pulse = pulse
        self._patience = config().THROTTLE_SECONDS if patience is None else patience
        self._sleep = sleep
        self._connect = connect
        self._stand_ins = stand_ins
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
            if not self._stand_ins.absence.away:
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
            if not self._stand_ins.absence.away:
                shared = self._in_redis()
                place = shared.take(weight, patience)
                self._back()
                return place, shared
        except (RedisError, OSError) as error:
            self._lost(error)
        self._say_that_it_is_away()
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
        part = config().RATE_WITHOUT_REDIS
        bucket = LocalBucket(self._rate.per_second * part, max(1.0, self._rate.burst * part))
        return self._stand_ins.buckets.setdefault((self._key, self._rate), bucket)

    def _lost(self, error: Exception) -> None:
        self._stand_ins.absence.note(error)
        self._say_that_it_is_away(f" ({error})")

    def _say_that_it_is_away(self, why: str = "") -> None:
        if not self._stand_ins.used:
            logger.warning(
                "Redis is not reachable%s; each process keeps to %g of the rates by itself until it is back.",
                why,
                config().RATE_WITHOUT_REDIS,
                extra={"tenant_id": self._tenant.id, "event": "throttle"},
            )
        self._stand_ins.used = True

    def _back(self) -> None:
        self._stand_ins.absence.over()
        if self._stand_ins.used:
            self._stand_ins.used = False
            logger.info("Redis answers again; rates are shared by all workers.", extra={"event": "throttle"})

    def _too_long(self, wait: float) -> HeldOff:
        return HeldOff(
            f"{self._integration} may be called again for {self._tenant.key} in {wait:.0f} s; the run goes on then.",
            retry_after=wait,
        )
