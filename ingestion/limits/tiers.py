"""The limits of each tier, from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ingestion.conf import Rate, Settings, config

V = TypeVar("V")
ANY = "*"


def rate_of(integration: str, tier: str) -> Rate:
    """Calls that a tenant of `tier` may make to `integration`."""
    rates = config().RATES
    by_tier = rates.get(integration) or rates.get(ANY) or Settings().RATES[ANY]
    return _for_tier(by_tier, tier)


def budget_of(tier: str) -> int:
    """Runs of one tenant of `tier` that may be running at once."""
    return _for_tier(config().BUDGETS, tier)


def quota_of(meter: str, tier: str) -> int | None:
    """What a tenant of `tier` may use of `meter` in a month; None: as much as it likes."""
    by_tier = config().QUOTAS.get(meter, {})
    return by_tier.get(tier, by_tier.get(ANY))


def _for_tier(by_tier: Mapping[str, V], tier: str) -> V:
    """The value for `tier`; an unknown tier has the first one, which is the lowest, as with queues."""
    if tier in by_tier:
        return by_tier[tier]
    return by_tier[ANY] if ANY in by_tier else next(iter(by_tier.values()))
