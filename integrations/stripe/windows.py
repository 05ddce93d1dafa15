"""Decides what a run must read to be complete: a list, or the Events feed."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ingestion import Context
from integrations.stripe.kinds import Kind
from integrations.stripe.listing import CreationSpan

DAY = 24 * 3600
TRUSTED = 25 * DAY
"""The oldest start of a feed. Stripe keeps events for 30 days; a longer feed might lose some while it is read."""
_FEED_LIFETIME = 29 * DAY


@dataclass(frozen=True, slots=True)
class ReadingPlan:
    """List the objects created in `span`; with None read the events since `since`. `note` explains an unusual plan."""

    span: CreationSpan | None
    since: int = 0
    note: str = ""


def make_plan(kind: Kind, ctx: Context, now: float) -> ReadingPlan:
    """The plan of a run that begins now.

    After a gap that is longer than the feed, a changed object is found neither by its time of creation (an old invoice
    that was paid in the gap) nor by an event, so all objects of a kind that changes are listed again.
    """
    window = ctx.window
    until = ceil((window.end if window else ctx.now).timestamp())
    since = int(window.start.timestamp()) if window else 0
    all_objects = CreationSpan(None, until)
    if since <= 0:
        return ReadingPlan(all_objects)
    if ctx.backfill or not kind.events:
        return ReadingPlan(CreationSpan(since, until))
    if now - since > TRUSTED:
        days = int((now - since) // DAY)
        note = f"The last run was {days} days ago and Stripe keeps events for 30: all {kind.name} are listed again."
        return ReadingPlan(all_objects, note=note)
    return ReadingPlan(None, since)


def is_outlived(since: int, now: float) -> bool:
    """Whether the feed since that time may have lost events while earlier attempts read it."""
    return now - since > _FEED_LIFETIME
