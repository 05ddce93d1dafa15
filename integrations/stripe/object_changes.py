"""What events say about objects, and which of them can be believed.

An event carries the object as it was. That is what it is now only if no later event exists, and Stripe dates events
by the second and delivers them in any order. So an object is taken from an event only where nothing can be in doubt
(`feed`), and fetched everywhere else: the tables never go back.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion import Record, RecordError, Refusal
from integrations.stripe.client import Api
from integrations.stripe.current_object import current
from integrations.stripe.kinds import Kind
from integrations.stripe.objects import Event, head, mark_of, marked, member, stub

ABOUT_NOTHING = "events about no such object"
"""Counted by this reason: upcoming invoices, say, which have no id."""


@dataclass(slots=True)
class News:
    """The newest event about one object."""

    identity: str
    event: Event
    own: bool
    """Whether the event carries the object itself."""
    tied: bool = False
    """Whether another event of the same second concerns it."""
    ended_twice: bool = False
    """Whether it was deleted twice in that second: nobody knows which event has its last state."""

    @property
    def created(self) -> int:
        return self.event.created

    @property
    def ends(self) -> bool:
        """Whether the event carries the object as it was when it was deleted."""
        return self.own and self.event.type.endswith(".deleted")


def about(kind: Kind, event: Event) -> News | None:
    """Which object of `kind` the event concerns; None for others, and for objects without an id (upcoming invoices)."""
    if not kind.concerns(event.type):
        return None
    body = bytes(event.data.object)
    found = head(body)
    if found.object == kind.object:
        return News(found.id, event, own=True) if found.id else None
    if found.object in kind.touches:
        identity = member(body, kind.touches[found.object])
        return News(identity, event, own=False) if identity else None
    return None


def add(known: dict[str, News], news: News) -> None:
    """Keep the newest event of each object, and remember where two are of the same second."""
    rival = known.get(news.identity)
    if rival is None or news.created > rival.created:
        known[news.identity] = news
    elif news.created == rival.created:
        rival.tied = True
        rival.ended_twice |= news.ends and rival.ends and news.event.id != rival.event.id
        if news.ends or (news.own and not rival.own):
            rival.event, rival.own = news.event, True


def carried(kind: Kind, news: News) -> Record:
    """The object as the event has it."""
    body = marked(bytes(news.event.data.object), news.created, deleted=kind.deletable and news.ends)
    return Record(news.identity, body, f"{news.event.id} {news.event.type}")


def fetched(api: Api, kind: Kind, news: News) -> Record | Refusal:
    """The object as it is now; a deletion with all that is known of it when it is gone."""
    where = f"fetched after {news.event.id} {news.event.type}"
    body = current(api, kind, news.identity)
    if body is not None:
        return Record(news.identity, marked(body, news.created), where)
    # Of another event's object later changes may be stored already: then only the end is news.
    told = news.ends and not news.ended_twice
    last = bytes(news.event.data.object) if told else stub(news.identity, kind.object)
    if kind.deletable:
        return Record(news.identity, marked(last, news.created, deleted=True), where)
    return Refusal(Record(news.identity, marked(last, news.created), where), _unknown(news.identity))


def fetched_again(api: Api, kind: Kind, record: Record) -> Record | Refusal:
    """An object that Stripe did not know when an event told of it: what was kept of it is no object to load."""
    since = mark_of(record.body).as_of
    assert since is not None, "only such objects are marked and refused"
    body = current(api, kind, record.key)
    if body is not None:
        return Record(record.key, marked(body, since), record.position)
    return Refusal(record, _unknown(record.key))


def _unknown(identity: str) -> RecordError:
    return RecordError(
        f"An event tells of {identity}, which Stripe does not know under this key. Does the webhook belong to the same "
        "account as the key? When that is put right, a replay fetches the object again; else abandon this letter."
    )
