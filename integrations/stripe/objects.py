"""Splits Stripe's JSON into objects without changing it: each object of a page keeps the bytes that Stripe sent.

A mark with further facts is appended to an object as its last member, `sluicegate`: `as_of`, the second since which the
object is known to have had this content, for objects that came with an event; `deleted`, beside Stripe's own member of
that name; and `whole` and `created`, the id and the date of the object that this one is a part of. An event is the same
whenever it is read again, and so is the object with its mark.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from ingestion import Record, RecordError, Refusal, doubled_error, json_items, json_page
from integrations.stripe.answers import unexpected_response

MARK = "sluicegate"
_EXCERPT = 100
"""Characters of an object's type that a message quotes."""
S = TypeVar("S", bound=msgspec.Struct)
UNREADABLE = (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError)


class ObjectHead(msgspec.Struct, gc=False):
    """The members of an object that are read before its schema."""

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
    """The mark as the source itself reads it again; the schemas read the whole of it."""

    as_of: int | None = None
    whole: str = ""


class _Marked(msgspec.Struct):
    sluicegate: Mark | None = None


class _Data(msgspec.Struct):
    object: msgspec.Raw


class EventEnvelope(msgspec.Struct):
    """An event; `data.object` is the object as it was when the event happened."""

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
    """A thin event, as Stripe calls it: it names an object and does not contain it."""

    id: str
    type: str
    created: datetime
    livemode: bool | None = None
    context: str | None = None
    """The account of the event; for an organization's account a path, `org_1/acct_1`."""
    related_object: _Related | None = None


class _ObjectList(msgspec.Struct):
    data: list[msgspec.Raw]
    has_more: bool


decode_head = msgspec.json.Decoder(ObjectHead).decode
_decode_list = msgspec.json.Decoder(_ObjectList).decode
_decode_mark = msgspec.json.Decoder(_Marked).decode
_decode_event = msgspec.json.Decoder(EventEnvelope).decode
_decode_notification = msgspec.json.Decoder(_Notification).decode


def split_list(body: bytes) -> tuple[list[bytes], bool]:
    """The objects of a list, and whether there are more. Raises SourceChanged, or Transient for a truncated list."""
    try:
        page = _decode_list(body)
    except UNREADABLE as error:
        try:  # if a single object is invalid, the others are read without it
            items, surroundings = json_items(body, "data")
            return items, _decode_list(surroundings).has_more
        except (ValueError, *UNREADABLE):
            raise unexpected_response("a list", body, error) from error
    return [bytes(item) for item in page.data], page.has_more


def parse_event(body: bytes) -> EventEnvelope | None:
    """The event in `body`; None for what is no event. The object of a thin event has an id and a type alone."""
    envelope: EventEnvelope | None
    try:
        envelope = _decode_event(body)
        decode_head(envelope.data.object)
    except UNREADABLE:
        envelope = _thin_event(body)
    return envelope if envelope and envelope.id else None


def delivered_event(delivery: Record) -> EventEnvelope | Refusal:
    """The event of a webhook delivery; refused where it is no event or has a member twice."""
    if error := doubled_error(delivery.body):
        return Refusal(delivery, error)
    return parse_event(delivery.body) or Refusal(delivery, RecordError("This is no event."))


def _thin_event(body: bytes) -> EventEnvelope | None:
    """The thin event in `body`, as an event whose object has an id and a type alone; None where it is none."""
    try:
        notification = _decode_notification(body)
    except UNREADABLE:
        return None
    related = notification.related_object
    stub_body = json.dumps({"id": related.id, "object": related.type} if related else {}).encode()
    owner = (notification.context or "").rpartition("/")[2] or None
    second = int(notification.created.timestamp())
    return EventEnvelope(
        notification.id,
        notification.type.removeprefix("v1."),
        second,
        _Data(msgspec.Raw(stub_body)),
        notification.livemode,
        owner,
    )


def read_head(body: bytes) -> ObjectHead:
    """The object's head; an empty one for what is no object."""
    try:
        return decode_head(body)
    except UNREADABLE:
        lenient = _read_leniently(body, ObjectHead) or ObjectHead()
        return lenient if (lenient.id or "").isascii() else ObjectHead()


def _read_leniently(body: bytes, struct: type[S]) -> S | None:
    """The members of `struct` in an object with half a surrogate pair in another member; None for what is no object."""
    try:
        value = json.loads(body)
        return msgspec.convert({name: value[name] for name in struct.__struct_fields__ if name in value}, struct)
    except (ValueError, TypeError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def record_of(body: bytes, position: str, kind: str) -> Record | Refusal:
    """The object as a record; refused when it has no id, cannot be read, or is of another kind."""
    try:
        object_head = decode_head(body)
    except UNREADABLE as error:
        return refusal_of(body, position, f"Not an object with an id: {error}")
    if not object_head.id:
        return Refusal(Record("", body, position), RecordError("The object has no id."))
    if not object_head.is_of(kind):
        description = f"an object {object_head.object[:_EXCERPT]!r} in the list of them"
        reason = f"This is no {kind}, but {description}; abandon this letter."
        return Refusal(Record("", body, position), RecordError(reason))
    return Record(object_head.id, body, position)


def refusal_of(body: bytes, position: str, otherwise: str) -> Refusal:
    """The refusal of an unreadable object, with its id and the invalid member if possible, else `otherwise`."""
    refused = json_page([(body, position)], "id").refused
    return refused[0] if refused else Refusal(Record("", body, position), RecordError(otherwise))


def add_mark(body: bytes, as_of: int | None, *, deleted: bool = False, **more: Any) -> bytes:
    """`body`, an object of at least one member, with the mark as its last member."""
    stripped = body.rstrip()
    deleted_member = b',"deleted":true' if deleted and not read_head(body).deleted else b""
    since = {} if as_of is None else {"as_of": as_of}
    mark = json.dumps({MARK: {**since, "deleted": deleted, **more}}, separators=(",", ":")).encode()
    return stripped[:-1] + deleted_member + b"," + mark[1:]


def read_mark(body: bytes) -> Mark:
    """The mark of the object; an empty mark where it has none."""
    try:
        with_mark: _Marked | None = _decode_mark(body)
    except UNREADABLE:
        with_mark = _read_leniently(body, _Marked)
    return (with_mark and with_mark.sluicegate) or Mark()


def make_stub(identity: str, kind: str) -> bytes:
    """A deleted object of which only the id is known, in the form in which Stripe answers for deleted customers."""
    return json.dumps({"id": identity, "object": kind, "deleted": True}, separators=(",", ":")).encode()


def member_id(body: bytes, name: str) -> str:
    """The id in member `name`, which Stripe may have expanded to the whole object; '' when there is none."""
    value: Any = msgspec.json.decode(body).get(name)
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def partition(results: Sequence[Record | Refusal]) -> tuple[list[Record], list[Refusal]]:
    """The records and the refusals among the results."""
    records = [result for result in results if isinstance(result, Record)]
    return records, [result for result in results if isinstance(result, Refusal)]
