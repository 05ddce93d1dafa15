"""The Events feed: what changed since the last run, each object once, in its newest state.

The feed is read from its newest event back to the start of the window, and an object's first appearance settles it:
with all later events in view, what that event carries is what the object is. Fetched instead of believed are objects
whose event is younger than `SETTLE` seconds (one of the same moments may not be listed yet), shares its second with
another, or may do so with one of the next page; those that the event only touches; and those with a list that it cut.

After an interruption the feed is read again from its newest event, to know which objects are settled, and goes on
where it stopped. What is new by then belongs to the next run, whose window overlaps this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingestion import Context, Json, Page, Record, Refusal, SourceChanged, Transient
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.kinds import Kind
from integrations.stripe.nested import cut
from integrations.stripe.object_changes import ABOUT_NOTHING, News, about, add, carried, fetched
from integrations.stripe.objects import Event, event, parted, refusal_of, split

SETTLE = 10
_LIMIT = 100
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class _Part:
    """One page of the feed, newest first."""

    events: list[Event]
    strange: list[Refusal]
    more: bool
    at: int
    """Stripe's clock when the first page was asked for."""


def changes(ctx: Context, api: Api, kind: Kind, since: int, checkpoint: Json, refetch: bool) -> Iterator[Page]:
    """Objects with events since then. The checkpoint names the last event that was read."""
    seen: set[str] = set()
    found: list[Record | Refusal] = []
    pointless = 0
    passed = checkpoint is None
    place: Json = checkpoint
    for part in _parts(ctx, api, kind, since):
        events = part.events
        if not passed:
            done = _done(events, checkpoint)
            seen.update(one.identity for one in filter(None, (about(kind, each) for each in events[:done])))
            passed, events = done < len(events), events[done:]
        found += part.strange if passed else []
        told = [about(kind, one) for one in events]
        pointless += told.count(None)
        for news in _unsettled(told, seen):
            seen.add(news.identity)
            split_second = part.more and news.created == events[-1].created
            doubtful = refetch or split_second or news.created >= part.at - SETTLE or _doubtful(kind, news)
            found.append(fetched(api, kind, news) if doubtful else carried(kind, news))
            ctx.beat()
        if events:
            place = {"id": events[-1].id, "created": events[-1].created}
        if len(found) >= _BATCH:
            yield _page(found, place, pointless)
            found, pointless = [], 0
    if found or pointless:
        yield _page(found, place, pointless)


def _doubtful(kind: Kind, news: News) -> bool:
    """Whether what the event carries may be less than the object, or not its last state."""
    short = kind.whole_lists and news.own and cut(bytes(news.event.data.object), kind.whole_lists)
    return not news.own or news.tied or bool(short)


def _unsettled(told: Iterable[News | None], seen: set[str]) -> list[News]:
    """The newest news of each object of this page that no later page settled."""
    first: dict[str, News] = {}
    for news in filter(None, told):
        if news.identity not in seen:
            add(first, news)
    return list(first.values())


def _done(events: list[Event], checkpoint: Any) -> int:
    """How many of these events an earlier attempt had taken in."""
    for number, one in enumerate(events):
        if one.id == checkpoint["id"]:
            return number + 1
        if one.created < checkpoint["created"]:
            return number
    return len(events)


def _parts(ctx: Context, api: Api, kind: Kind, since: int) -> Iterator[_Part]:
    asked: dict[str, Any] = {"limit": _LIMIT, "created": {"gte": since}}
    if len(kind.events) == 1:
        asked["type"] = kind.events[0]
    else:
        asked["types"] = list(kind.events)
    more, at, oldest = True, 0, ""
    while more:
        try:
            answer = api.get("/v1/events", asked)
        except NoSuchObject as missing:
            raise Transient("The event that marked our place in the feed is gone; it is read again.") from missing
        at = at or answer.at
        bodies, more = split(answer.body)
        read = [(body, event(body)) for body in bodies]
        strange = [refusal_of(body, "events", "This is no event.") for body, news in read if news is None]
        events = [news for _, news in read if news is not None]
        if more and (not events or events[-1].id == oldest):
            raise SourceChanged("The Events feed does not go on; it would never end.")
        oldest = asked["starting_after"] = events[-1].id if events else ""
        yield _Part(events, strange, more, at)
        ctx.beat()


def _page(found: list[Record | Refusal], place: Json, pointless: int) -> Page:
    records, refused = parted(found)
    return Page(records, place, refused, left_out={ABOUT_NOTHING: pointless} if pointless else {})
