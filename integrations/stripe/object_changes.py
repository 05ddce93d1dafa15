"""The newest event about each object, and the object from it: as the event carries it, or fetched.

An event carries the object as it was. The object is still the same only if no later event exists, but Stripe dates
events by the second and delivers them in any order. So an object is taken from an event only where that is certain
(`feed`), and fetched everywhere else: a table row never goes back to an earlier state.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingestion import Record, RecordError, Refusal
from integrations.stripe.client import Api
from integrations.stripe.current_object import fetch_current
from integrations.stripe.kinds import Kind
from integrations.stripe.objects import EventEnvelope, add_mark, decode_head, make_stub, member_id, read_mark

ABOUT_NOTHING = "events about no such object"
"""The reason under which events without an object of the kind are counted: of upcoming invoices, say."""


@dataclass(slots=True)
class News:
    """The newest event about one object."""

    identity: str
    event: EventEnvelope
    has_object: bool
    """Whether the event carries the object itself."""
    tied: bool = False
    """Whether another event of the same second concerns the object."""
    ended_twice: bool = False
    """Whether the object was deleted twice in that second: it is unknown which event has its last state."""

    @property
    def created(self) -> int:
        return self.event.created

    @property
    def ends(self) -> bool:
        """Whether the event carries the object as it was at its deletion."""
        return self.has_object and self.event.type.endswith(".deleted")


def news_about(kind: Kind, event: EventEnvelope) -> News | None:
    """News of the object of `kind` that the event concerns; None for no such object, or one without an id."""
    if not kind.concerns(event.type):
        return None
    body = bytes(event.data.object)
    object_head = decode_head(body)
    if object_head.object == kind.object:
        return News(object_head.id, event, has_object=True) if object_head.id else None
    if object_head.object in kind.touches:
        identity = member_id(body, kind.touches[object_head.object])
        return News(identity, event, has_object=False) if identity else None
    return None


def keep_newest(newest: dict[str, News], news: News) -> None:
    """Keep the newest event of each object, and note where two events are of the same second."""
    rival = newest.get(news.identity)
    if rival is None or news.created > rival.created:
        newest[news.identity] = news
    elif news.created == rival.created:
        rival.tied = True
        rival.ended_twice |= news.ends and rival.ends and news.event.id != rival.event.id
        if news.ends or (news.has_object and not rival.has_object):
            rival.event, rival.has_object = news.event, True


def object_in_event(kind: Kind, news: News) -> Record:
    """The object as the event carries it."""
    body = add_mark(bytes(news.event.data.object), news.created, deleted=kind.deletable and news.ends)
    return Record(news.identity, body, f"{news.event.id} {news.event.type}")


def fetch(api: Api, kind: Kind, news: News) -> Record | Refusal:
    """The object as it is now; when it no longer exists, a deletion with its last known state."""
    position = f"fetched after {news.event.id} {news.event.type}"
    body = fetch_current(api, kind, news.identity)
    if body is not None:
        return Record(news.identity, add_mark(body, news.created), position)
    # Only the event of the deletion has the last state. Any other event's object may be older than the stored one, so a
    # stub is loaded, which changes nothing but the deletion.
    has_last_state = news.ends and not news.ended_twice
    last = bytes(news.event.data.object) if has_last_state else make_stub(news.identity, kind.object)
    if kind.deletable:
        return Record(news.identity, add_mark(last, news.created, deleted=True), position)
    return Refusal(Record(news.identity, add_mark(last, news.created), position), _unknown_object(news.identity))


def refetch_object(api: Api, kind: Kind, record: Record) -> Record | Refusal:
    """The object of a record that was refused because Stripe did not know it; the record itself is only a stub."""
    since = read_mark(record.body).as_of
    assert since is not None, "only objects of events are refused with a mark"
    body = fetch_current(api, kind, record.key)
    if body is not None:
        return Record(record.key, add_mark(body, since), record.position)
    return Refusal(record, _unknown_object(record.key))


def _unknown_object(identity: str) -> RecordError:
    return RecordError(
        f"An event tells of {identity}, which Stripe does not know under this key. Does the webhook belong to the same "
        "account as the key? When that is put right, a replay fetches the object again; else abandon this letter."
    )
