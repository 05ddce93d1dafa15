"""Limits a tenant lives within: calls to an integration, runs at once, and what it may use up in a month."""

from ingestion.limits.quotas import RunMeter, in_force, quota, require, spend, used_of
from ingestion.limits.throttling import Throttle
from ingestion.limits.tiers import budget_of, quota_of, rate_of

__all__ = [
    "RunMeter",
    "Throttle",
    "budget_of",
    "in_force",
    "quota",
    "quota_of",
    "rate_of",
    "require",
    "spend",
    "used_of",
]
