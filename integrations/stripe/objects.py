"""Taking Stripe's JSON apart without touching it: each object of a page stays the bytes that Stripe sent.

What an object cannot say of itself is added behind its last member, under `sluicegate`: `as_of`, the second since
which it is known to have looked like this at least, for objects that came with an event; `deleted`, with Stripe's
own member of that name; and `whole` and `created`, the id and the date of the object that it is a part of. Events are
identical whenever they are read again, and so is what is made of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from ingestion import Record, RecordError, Refusal, doubled_error, json_items, json_page
from integrations.stripe.answers import unexpected

MARK = "sluicegate"
_LONGEST = 100
S = TypeVar("S", bound=msgspec.Struct)
UNREADABLE = (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError)


class Head(msgspec.Struct, gc=False):
    """What is looked at of an object before its schema."""

    id: str | None = None
    object: str = ""
    created: int | None = None
    deleted: bool = False
    livemode: bool | None = None
    currency: str | None = None

    def is_of(self, kind: str) -> bool:
        """Whether its `object` member names that kind, or none."""
        return self.object in ("", kind)


class Mark(msgspec.Struct):
    as_of: int | None = None
    whole: str = ""


class _Marked(msgspec.Struct):
    sluicegate: Mark | None = None


class _Data(msgspec.Struct):
    object: msgspec.Raw


class Event(msgspec.Struct):
    """An event; `data.object` is the object as it was then."""

    id: str
    type: str
    created: int
    data: _Data
    livemode: bool | None = None
    account: str | None = None
    api_version: str | None = None


class _Related(msgspec.Struct):
    id: str = ""
    type: str = ""


class _Notification(msgspec.Struct):
    """What Stripe calls a thin event: it names an object and does not carry it."""

    id: str
    type: str
    created: datetime
    livemode: bool | None = None
    context: str | None = None
    """Whose it is, of an organization's accounts as a path: `org_1/acct_1`."""
    related_object: _Related | None = None


class _List(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool


head = msgspec.json.Decoder(Head).decode
_list = msgspec.json.Decoder(_List).decode
_marked = msgspec.json.Decoder(_Marked).decode
_event = msgspec.json.Decoder(Event).decode
_notification = msgspec.json.Decoder(_Notification).decode


def split(body: bytes) -> tuple[list[bytes], bool]:
    """The objects of a list, and whether there are more. Raises SourceChanged, Transient where it was cut off."""
    try:
        page = _list(body)
    except UNREADABLE as error:
        try:  # where one of its objects alone is to blame, the others go on without it
            items, rest = json_items(body, "data")
            return items, _list(rest).has_more
        except (ValueError, *UNREADABLE):
            raise unexpected("a list", body, error) from error
    return [bytes(item) for item in page.data], page.has_more


def event(body: bytes) -> Event | None:
    """None for what is no event. Of a thin one the object is its id and its type alone."""
    read: Event | None
    try:
        read = _event(body)
        head(read.data.object)
    except UNREADABLE:
        read = _thin(body)
    return read if read and read.id else None


def delivered(delivery: Record) -> Event | Refusal:
    """The event that a webhook brought, refused where it is none or has a name twice."""
    if error := doubled_error(delivery.body):
        return Refusal(delivery, error)
    return event(delivery.body) or Refusal(delivery, RecordError("This is no event."))


def _thin(body: bytes) -> Event | None:
    try:
        notification = _notification(body)
    except UNREADABLE:
        return None
    about = notification.related_object
    named = json.dumps({"id": about.id, "object": about.type} if about else {}).encode()
    owner = (notification.context or "").rpartition("/")[2] or None
    second = int(notification.created.timestamp())
    return Event(
        notification.id,
        notification.type.removeprefix("v1."),
        second,
        _Data(msgspec.Raw(named)),
        notification.livemode,
        owner,
    )


def glance(body: bytes) -> Head:
    """The object's head, an empty one for what is no object."""
    try:
        return head(body)
    except UNREADABLE:
        lenient = _leniently(body, Head) or Head()
        return lenient if (lenient.id or "").isascii() else Head()


def _leniently(body: bytes, form: type[S]) -> S | None:
    """What is looked at of an object that holds half a character somewhere else, None for what is none."""
    try:
        value = json.loads(body)
        return msgspec.convert({name: value[name] for name in form.__struct_fields__ if name in value}, form)
    except (ValueError, TypeError, RecursionError):  # msgspec's own are ValueErrors
        return None


def named(body: bytes, position: str, kind: str) -> Record | Refusal:
    """The object as a record, refused when it has no id, cannot be read, or is of another kind."""
    try:
        its_head = head(body)
    except UNREADABLE as error:
        return refusal_of(body, position, f"Not an object with an id: {error}")
    if not its_head.id:
        return Refusal(Record("", body, position), RecordError("The object has no id."))
    if not its_head.is_of(kind):
        why = (
            f"This is no {kind}, but an object {its_head.object[:_LONGEST]!r} in the list of them; abandon this letter."
        )
        return Refusal(Record("", body, position), RecordError(why))
    return Record(its_head.id, body, position)


def refusal_of(body: bytes, position: str, otherwise: str) -> Refusal:
    """With its id where that can be read all the same, and the member that is wrong; else saying `otherwise`."""
    refused = json_page([(body, position)], "id").refused
    return refused[0] if refused else Refusal(Record("", body, position), RecordError(otherwise))


def marked(body: bytes, as_of: int | None, *, deleted: bool = False, **more: Any) -> bytes:
    """`body`, an object of at least one member, with the mark as its last one."""
    end = body.rstrip()
    added = b',"deleted":true' if deleted and not glance(body).deleted else b""
    since = {} if as_of is None else {"as_of": as_of}
    mark = json.dumps({MARK: {**since, "deleted": deleted, **more}}, separators=(",", ":")).encode()
    return end[:-1] + added + b"," + mark[1:]


def mark_of(body: bytes) -> Mark:
    """The mark of an object; an empty one where there is none."""
    try:
        with_mark: _Marked | None = _marked(body)
    except UNREADABLE:
        with_mark = _leniently(body, _Marked)
    return (with_mark and with_mark.sluicegate) or Mark()


def stub(identity: str, kind: str) -> bytes:
    """An object of which only its end is known, in the form in which Stripe itself answers for deleted customers."""
    return json.dumps({"id": identity, "object": kind, "deleted": True}, separators=(",", ":")).encode()


def member(body: bytes, name: str) -> str:
    """The id in member `name`, which may be expanded to the whole object; '' when there is none."""
    value: Any = msgspec.json.decode(body).get(name)
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def parted(found: Sequence[Record | Refusal]) -> tuple[list[Record], list[Refusal]]:
    return [one for one in found if isinstance(one, Record)], [one for one in found if isinstance(one, Refusal)]
