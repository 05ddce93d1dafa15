"""What a run must read to be right: a list, or the Events feed."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ingestion import Context
from integrations.stripe.kinds import Kind
from integrations.stripe.listing import Span

DAY = 24 * 3600
TRUSTED = 25 * DAY
"""Stripe keeps events for 30 days. A feed read from further back than this may end early on the way."""
_KEPT = 29 * DAY


@dataclass(frozen=True, slots=True)
class Plan:
    """`span`: list what was created then. None: read the events since `since`. `note` says why, where it matters."""

    span: Span | None
    since: int = 0
    note: str = ""


def plan(kind: Kind, ctx: Context, now: float) -> Plan:
    """The plan of a run that begins now.

    Over a gap that the feed cannot bridge, what changed is found neither by its time of creation (an old invoice, paid
    in the gap) nor by an event, so everything of a kind that changes is listed again.
    """
    window = ctx.window
    until = ceil((window.end if window else ctx.now).timestamp())
    since = int(window.start.timestamp()) if window else 0
    all_of_them = Span(None, until)
    if since <= 0:
        return Plan(all_of_them)
    if ctx.backfill or not kind.events:
        return Plan(Span(since, until))
    if now - since > TRUSTED:
        days = int((now - since) // DAY)
        why = f"The last run was {days} days ago and Stripe keeps events for 30: all {kind.name} are listed again."
        return Plan(all_of_them, note=why)
    return Plan(None, since)


def outlived(since: int, now: float) -> bool:
    """Whether a feed that an earlier attempt began to read may have lost events meanwhile."""
    return now - since > _KEPT
