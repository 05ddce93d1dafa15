"""The Events feed: the objects that changed since the last run, each once, in its newest state.

The feed is read from its newest event back to the start of the window. The first event about an object is the newest,
so the object that it carries is the object's present state. An object is fetched instead of taken from its event when

- the event is younger than `SETTLE` seconds, because a later event may not be listed yet;
- the event shares its second with another event about the object, or may share it with one of the next page;
- the event does not carry the object itself;
- the event carries the object with a list that is cut short.

After an interruption the feed is read again from its newest event, to learn which objects are done, and continues where
it stopped. Events that are new by then belong to the next run, whose window overlaps this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingestion import Context, Json, Page, Record, Refusal, SourceChanged, Transient
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.kinds import Kind
from integrations.stripe.nested import cut_lists
from integrations.stripe.object_changes import ABOUT_NOTHING, News, fetch, keep_newest, news_about, object_in_event
from integrations.stripe.objects import EventEnvelope, parse_event, partition, refusal_of, split_list

SETTLE = 10
"""Seconds after which all events of a moment are expected to be listed."""
_LIMIT = 100
"""The most events that Stripe lists at once."""
_BATCH = 1000
"""Objects that make one batch."""


@dataclass(frozen=True, slots=True)
class _FeedPage:
    """One page of the feed, newest event first."""

    events: list[EventEnvelope]
    refused: list[Refusal]
    more: bool
    requested_at: int
    """Stripe's clock at the request of the first page."""


def read_changes(ctx: Context, api: Api, kind: Kind, since: int, checkpoint: Json, refetch: bool) -> Iterator[Page]:
    """Pages of the objects with events since then. The checkpoint names the last event that was read."""
    finished_ids: set[str] = set()
    results: list[Record | Refusal] = []
    irrelevant = 0
    resumed = checkpoint is None
    position: Json = checkpoint
    for feed_page in _feed_pages(ctx, api, kind, since):
        events = feed_page.events
        if not resumed:
            count = _count_processed(events, checkpoint)
            processed = [news_about(kind, event) for event in events[:count]]
            finished_ids.update(news.identity for news in processed if news)
            resumed, events = count < len(events), events[count:]
        results += feed_page.refused if resumed else []
        news_of_page = [news_about(kind, event) for event in events]
        irrelevant += news_of_page.count(None)
        for news in _newest_of_each(news_of_page, finished_ids):
            finished_ids.add(news.identity)
            may_share_second = feed_page.more and news.created == events[-1].created
            recent = news.created >= feed_page.requested_at - SETTLE
            must_fetch = refetch or may_share_second or recent or _is_uncertain(kind, news)
            results.append(fetch(api, kind, news) if must_fetch else object_in_event(kind, news))
            ctx.beat()
        if events:
            position = {"id": events[-1].id, "created": events[-1].created}
        if len(results) >= _BATCH:
            yield _page(results, position, irrelevant)
            results, irrelevant = [], 0
    if results or irrelevant:
        yield _page(results, position, irrelevant)


def _is_uncertain(kind: Kind, news: News) -> bool:
    """Whether the event may carry less than the object, or not its last state."""
    if not news.has_object or news.tied:
        return True
    return bool(kind.whole_lists and cut_lists(bytes(news.event.data.object), kind.whole_lists))


def _newest_of_each(news_of_page: Iterable[News | None], finished_ids: set[str]) -> list[News]:
    """The newest event of each object of this page that is not finished yet."""
    newest: dict[str, News] = {}
    for news in filter(None, news_of_page):
        if news.identity not in finished_ids:
            keep_newest(newest, news)
    return list(newest.values())


def _count_processed(events: list[EventEnvelope], checkpoint: Any) -> int:
    """How many of these events an earlier attempt processed."""
    for index, event in enumerate(events):
        if event.id == checkpoint["id"]:
            return index + 1
        if event.created < checkpoint["created"]:
            return index
    return len(events)


def _feed_pages(ctx: Context, api: Api, kind: Kind, since: int) -> Iterator[_FeedPage]:
    params: dict[str, Any] = {"limit": _LIMIT, "created": {"gte": since}}
    if len(kind.events) == 1:
        params["type"] = kind.events[0]
    else:
        params["types"] = list(kind.events)
    more, requested_at, oldest = True, 0, ""
    while more:
        try:
            answer = api.get("/v1/events", params)
        except NoSuchObject as error:
            raise Transient("The event that marked our place in the feed is gone; it is read again.") from error
        requested_at = requested_at or answer.at
        bodies, more = split_list(answer.body)
        parsed = [(body, parse_event(body)) for body in bodies]
        refused = [refusal_of(body, "events", "This is no event.") for body, event in parsed if event is None]
        events = [event for _, event in parsed if event is not None]
        if more and (not events or events[-1].id == oldest):
            raise SourceChanged("The Events feed does not go on; it would never end.")
        oldest = params["starting_after"] = events[-1].id if events else ""
        yield _FeedPage(events, refused, more, requested_at)
        ctx.beat()


def _page(results: list[Record | Refusal], position: Json, irrelevant: int) -> Page:
    records, refused = partition(results)
    return Page(records, position, refused, left_out={ABOUT_NOTHING: irrelevant} if irrelevant else {})
