"""Limits a tenant lives within: calls to an integration, runs at once, and what it may use up in a month."""

from ingestion.limits.hold_off import HoldOff, hold_off_of, hold_offs, rate_name, rate_name_of, release, waiting_for
from ingestion.limits.quotas import RunMeter, in_force, quota, require, spend, used_of
from ingestion.limits.throttling import Throttle
from ingestion.limits.tiers import budget_of, quota_of, rate_of

__all__ = [
    "HoldOff",
    "RunMeter",
    "Throttle",
    "budget_of",
    "hold_off_of",
    "hold_offs",
    "in_force",
    "quota",
    "quota_of",
    "rate_name",
    "rate_name_of",
    "rate_of",
    "release",
    "require",
    "spend",
    "used_of",
    "waiting_for",
]
