"""Lists inside objects: Stripe cuts them after ten (docs.stripe.com/api/pagination), and says so with `has_more`.

What the tables are made of is completed from the list's own address. What is not is left as it came, and counted.
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
from integrations.stripe.objects import UNREADABLE, glance, split

_LIMIT = 100
_STARTS = 5
"""How often one list is begun at most, because the object that marked our place was deleted."""
_CUT = re.compile(rb'"has_more"\s*:\s*true')
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Nested(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    has_more: bool = False


_nested = msgspec.json.Decoder(_Nested).decode


def cut(body: bytes, members: Iterable[str]) -> list[str]:
    """Those of `members` whose list in the object holds not all that there is."""
    if not _CUT.search(body):  # nearly always; decoding each object would be felt
        return []
    return [name for name, nested in _lists(body, members).items() if nested.has_more]


def inside(body: bytes, member: str) -> list[bytes] | None:
    """The whole list in `member`; None where it is cut short, or not there."""
    found = _lists(body, [member]).get(member)
    return None if found is None or found.has_more or found.data is None else [bytes(one) for one in found.data]


def _lists(body: bytes, names: Iterable[str]) -> Mapping[str, _Nested]:
    """Those of the members that are lists. An older API has some as plain arrays, which are whole."""
    try:
        members = _members(body)
        raw = {name: bytes(members[name]) for name in names if name in members}
        return {name: _nested(one) for name, one in raw.items() if one.startswith(b"{")}
    except UNREADABLE:
        return {}


def whole(api: Api, path: str) -> list[bytes]:
    """All objects of the list at `path`. Raises NoSuchObject and SourceChanged.

    Where the object that marked our place is gone, the list is begun anew: what was read of it may be gone as well.
    """
    address, _, query = path.partition("?")
    first: dict[str, object] = {"limit": _LIMIT, **dict(part.split("=", 1) for part in query.split("&") if part)}
    for _ in range(_STARTS):
        found: list[bytes] = []
        asked, more = dict(first), True
        try:
            while more:
                bodies, more = split(api.get(address, asked).body)
                found += bodies
                last = glance(bodies[-1]).id if bodies else None
                if more and (not last or last == asked.get("starting_after")):
                    raise SourceChanged(f"The list at {address} does not go on; it would never end.")
                asked["starting_after"] = last
            return found
        except NoSuchObject as missing:
            if missing.parameter != "starting_after" or "starting_after" not in asked:
                raise
    raise SourceChanged(f"The list at {address} loses its objects while it is read.")


def completed(api: Api, kind: Kind, body: bytes) -> bytes:
    """The object with its cut lists as they are at their own address; all other bytes of it as they came."""
    short = cut(body, kind.whole_lists)
    if not short:
        return body
    members = dict(_members(body))
    for name in short:
        path = kind.whole_lists[name].format(id=quote(str(glance(body).id), safe=""))
        try:
            data = b",".join(whole(api, path))
        except NoSuchObject:  # deleted meanwhile, of which an event tells
            continue
        members[name] = msgspec.Raw(b'{"object":"list","data":[' + data + b'],"has_more":false}')
    return b"{" + b",".join(json.dumps(name).encode() + b":" + bytes(raw) for name, raw in members.items()) + b"}"


def left_out(kind: Kind, bodies: Iterable[bytes]) -> Mapping[str, int]:
    """How many objects have more in a list than came with them, by what it is called."""
    found = Counter(name for body in bodies for name in cut(body, kind.short_lists))
    return {f"{kind.object}s with {name} beyond the first ten": count for name, count in found.items()}
