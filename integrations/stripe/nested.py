"""Lists inside objects: Stripe cuts them after ten (docs.stripe.com/api/pagination), and says so with `has_more`.

A list whose items go into the tables is completed from its own address. Other lists stay as they came and are counted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from urllib.parse import quote

import msgspec

from ingestion import SourceChanged
from integrations.stripe.client import Api, NoSuchObject
from integrations.stripe.kinds import Kind
from integrations.stripe.objects import UNREADABLE, read_head, split_list

_LIMIT = 100
_MOST_STARTS = 5
"""Starts of one list at most; the list starts again when the object at the cursor was deleted."""
_HAS_MORE = re.compile(rb'"has_more"\s*:\s*true')
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _NestedList(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    has_more: bool = False


_decode_nested = msgspec.json.Decoder(_NestedList).decode


def cut_lists(body: bytes, members: Iterable[str]) -> list[str]:
    """The names among `members` whose list in the object is cut short."""
    if not _HAS_MORE.search(body):  # nearly always, and much quicker than to decode each object
        return []
    return [name for name, nested in _lists(body, members).items() if nested.has_more]


def items_if_complete(body: bytes, member: str) -> list[bytes] | None:
    """The items of the list in `member`; None where it is cut short or missing."""
    nested = _lists(body, [member]).get(member)
    if nested is None or nested.has_more or nested.data is None:
        return None
    return [bytes(item) for item in nested.data]


def _lists(body: bytes, names: Iterable[str]) -> Mapping[str, _NestedList]:
    """The members among `names` that are lists. Plain arrays of older API versions are complete and left out."""
    try:
        members = _decode_members(body)
        raw = {name: bytes(members[name]) for name in names if name in members}
        return {name: _decode_nested(value) for name, value in raw.items() if value.startswith(b"{")}
    except UNREADABLE:
        return {}


def fetch_list(api: Api, path: str) -> list[bytes]:
    """All objects of the list at `path`. Raises NoSuchObject and SourceChanged.

    When the object at the cursor was deleted, the list starts again: objects read before may have been deleted too.
    """
    address, _, query = path.partition("?")
    first_params: dict[str, object] = {"limit": _LIMIT, **dict(part.split("=", 1) for part in query.split("&") if part)}
    for _ in range(_MOST_STARTS):
        items: list[bytes] = []
        params, more = dict(first_params), True
        try:
            while more:
                bodies, more = split_list(api.get(address, params).body)
                items += bodies
                last = read_head(bodies[-1]).id if bodies else None
                if more and (not last or last == params.get("starting_after")):
                    raise SourceChanged(f"The list at {address} does not go on; it would never end.")
                params["starting_after"] = last
            return items
        except NoSuchObject as missing:
            if missing.parameter != "starting_after" or "starting_after" not in params:
                raise
    raise SourceChanged(f"The list at {address} loses its objects while it is read.")


def complete_cut_lists(api: Api, kind: Kind, body: bytes) -> bytes:
    """The object with its cut lists completed from their own address; all its other bytes stay as they came."""
    cut_members = cut_lists(body, kind.whole_lists)
    if not cut_members:
        return body
    members = dict(_decode_members(body))
    for name in cut_members:
        path = kind.whole_lists[name].format(id=quote(str(read_head(body).id), safe=""))
        try:
            data = b",".join(fetch_list(api, path))
        except NoSuchObject:  # deleted meanwhile; an event will report it
            continue
        members[name] = msgspec.Raw(b'{"object":"list","data":[' + data + b'],"has_more":false}')
    return b"{" + b",".join(json.dumps(name).encode() + b":" + bytes(raw) for name, raw in members.items()) + b"}"


def count_cut_lists(kind: Kind, bodies: Iterable[bytes]) -> Mapping[str, int]:
    """How many objects have a list that is cut short and not completed, by a text that names the list."""
    counts = Counter(name for body in bodies for name in cut_lists(body, kind.short_lists))
    return {f"{kind.object}s with {name} beyond the first ten": count for name, count in counts.items()}
