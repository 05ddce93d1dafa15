"""`ctx.throttle` and `ctx.hold_off`: how one run waits for its tenant's token bucket."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from ingestion import null_hooks, queueing
from ingestion.conf import Rate, config
from ingestion.core.context import TenantRef
from ingestion.core.errors import ConfigurationError, HeldOff
from ingestion.limits.buckets import Bucket, LocalBucket, Reservation, SharedBucket, key_of
from ingestion.limits.tiers import rate_of

logger = logging.getLogger("ingestion")

STEP = 1.0
"""Seconds between two checks of whether the run must stop and whether the bucket was held meanwhile."""


@dataclass(slots=True)
class LocalBuckets:
    """The buckets of this process, used while Redis is away; they outlive a run, so that many short runs share them."""

    absence: queueing.Absence = field(default_factory=queueing.Absence)
    buckets: dict[tuple[str, Rate], LocalBucket] = field(default_factory=dict)
    """By the key of the shared bucket and its rate: a tenant's tier may change while the process lives."""
    in_use: bool = False
    """The log says already that they are in use."""


_local_buckets = LocalBuckets(queueing.absence)


def release_here(tenant: TenantRef, integration: str, local_buckets: LocalBuckets = _local_buckets) -> None:
    """End a hold in this process's own buckets. Those of other processes run out by themselves."""
    for (key, _), bucket in list(local_buckets.buckets.items()):
        if key == key_of(tenant, integration):
            bucket.free()


class Throttle:
    """Waits until the tenant may call an integration. Used by one thread."""

    def __init__(
        self,
        tenant: TenantRef,
        tier: str,
        integration: str,
        *,
        keep_waiting: Callable[[], None] = null_hooks.ignore,
        patience: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
        connect: Callable[[], Any] = queueing.client,
        local_buckets: LocalBuckets = _local_buckets,
    ) -> None:
        self._tenant = tenant
        self._integration = integration
        self._key = key_of(tenant, integration)
        self._rate = rate_of(integration, tier)
        self._keep_waiting = keep_waiting
        self._patience = config().THROTTLE_SECONDS if patience is None else patience
        self._sleep = sleep
        self._connect = connect
        self._local_buckets = local_buckets
        self._shared: SharedBucket | None = None

    def __call__(self, weight: float = 1.0) -> None:
        """Return when a call of `weight` may be made. `keep_waiting` is called meanwhile; it raises to stop."""
        self._check(weight)
        started = time.monotonic()
        reservation, bucket = self._take(weight, self._patience)
        while reservation.wait > 0:
            remaining = self._patience - (time.monotonic() - started)
            if reservation.wait > remaining:
                raise self._too_long(reservation.wait)
            self._sleep(min(reservation.wait, STEP))
            self._keep_waiting()
            current = self._due(bucket, reservation)
            if current is None:
                current, bucket = self._take(weight, remaining)
            reservation = current

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
            if not self._local_buckets.absence.away:
                self._in_redis().hold(seconds)
        except (RedisError, OSError) as error:
            self._note_absence(error)

    def _check(self, weight: float) -> None:
        if not math.isfinite(weight) or weight <= 0:
            raise ConfigurationError(f"A call weighs {weight}; give a number above 0.")
        if weight > self._rate.burst:
            raise ConfigurationError(
                f"A call of weight {weight:g} can never be made: the burst for {self._integration} is "
                f'{self._rate.burst:g}. Raise it in INGESTION["RATES"], or make smaller calls.'
            )

    def _take(self, weight: float, patience: float) -> tuple[Reservation, Bucket]:
        try:
            if not self._local_buckets.absence.away:
                shared = self._in_redis()
                reservation = shared.take(weight, patience)
                self._note_return()
                return reservation, shared
        except (RedisError, OSError) as error:
            self._note_absence(error)
        self._report_absence()
        local = self._local()
        return local.take(weight, patience), local

    def _due(self, bucket: Bucket, reservation: Reservation) -> Reservation | None:
        try:
            return bucket.due(reservation)
        except (RedisError, OSError) as error:
            self._note_absence(error)
            return None

    def _in_redis(self) -> SharedBucket:
        if self._shared is None:
            self._shared = SharedBucket(self._connect(), self._key, self._rate)
        return self._shared

    def _local(self) -> LocalBucket:
        part = config().RATE_WITHOUT_REDIS
        bucket = LocalBucket(self._rate.per_second * part, max(1.0, self._rate.burst * part))
        return self._local_buckets.buckets.setdefault((self._key, self._rate), bucket)

    def _note_absence(self, error: Exception) -> None:
        self._local_buckets.absence.note(error, quiet=True)
        self._report_absence(f" ({error})")

    def _report_absence(self, why: str = "") -> None:
        if not self._local_buckets.in_use:
            logger.warning(
                "Redis is not reachable%s; each process keeps to %g of the rates by itself until it is back.",
                why,
                config().RATE_WITHOUT_REDIS,
                extra={"tenant_id": self._tenant.id, "event": "throttle"},
            )
        self._local_buckets.in_use = True

    def _note_return(self) -> None:
        self._local_buckets.absence.over()
        if self._local_buckets.in_use:
            self._local_buckets.in_use = False
            logger.info("Redis answers again; rates are shared by all workers.", extra={"event": "throttle"})

    def _too_long(self, wait: float) -> HeldOff:
        return HeldOff(
            f"{self._integration} may be called again for {self._tenant.key} in {wait:.0f} s; the run goes on then.",
            retry_after=wait,
        )
