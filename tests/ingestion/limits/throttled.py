"""A tenant's way to its bucket."""

from __future__ import annotations

from typing import Any

from ingestion import TenantRef
from ingestion.limits.throttling import LocalBuckets, Throttle

ACME = TenantRef(1, "acme")


def throttle(integration: str = "slow", tenant: TenantRef = ACME, **values: Any) -> Throttle:
    return Throttle(tenant, "free", integration, **{"local_buckets": LocalBuckets(), **values})
