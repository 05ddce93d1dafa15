"""A Stripe account in memory, with a clock of its own: lists, objects and events as the API's reference describes them.

Written from the reference: newest first, cursors, 1 to 100 at once, filters by creation, events for thirty days, deleted
customers answered with a stub and everything else that is gone with `resource_missing`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote
from zlib import crc32

import httpx

from ingestion import Context, Secret
from integrations.stripe.client import Api, open_api
from integrations.stripe.kinds import KINDS, Kind

DAY = 24 * 3600
PREFIX = {
    "balance_transaction": "txn", "charge": "ch", "credit_note": "cn", "customer": "cus", "dispute": "du",
    "invoice": "in", "line_item": "il", "payment_intent": "pi", "payout": "po", "price": "price", "product": "prod", "refund": "re",
    "subscription": "sub",
}  # fmt: skip
FAMILY = {"dispute": "charge.dispute", "subscription": "customer.subscription"}
BY_OBJECT = {kind.object: kind for kind in KINDS.values() if not kind.parts}
NESTED = 10
"""Objects of a list inside another object."""
KEY = "sk_test_of_the_account"


@dataclass
class Account:
    """Change it with `create`, `update` and `delete`; ask it through `open`."""

    now: int = 1_750_000_000
    key: str = KEY
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id, in the order of their creation."""
    events: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    meanwhile: Callable[[str], object] = lambda path: None
    """Called with the path of every call before it is answered."""
    unruly: bool = False
    """Lists events of one second in any order, and each up to eight seconds late."""
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    def create(self, kind: str, **values: Any) -> str:
        """The id of the new object; of parts, that of a whole with one of them."""
        what = KINDS[kind].object
        if KINDS[kind].parts:
            values.setdefault("lines", [self.line()])
        identity = str(values.pop("id", "") or f"{PREFIX[what]}_{next(self._numbers):06}")
        base = {"id": identity, "object": what, "created": self.now, "livemode": False, "metadata": {"v": "1"}}
        self.objects[identity] = {**base, **EXAMPLES[what], **values}
        self._tell(what, "created", self.objects[identity])
        return identity

    def line(self, amount: int = 1000, **values: Any) -> dict[str, Any]:
        """A line for an invoice's `lines`, where the whole list is kept; nested it is cut."""
        identity = f"il_{next(self._numbers):06}"
        base = {"id": identity, "object": "line_item", "livemode": False, "metadata": {"v": "1"}, "currency": "usd"}
        return {**base, "amount": amount, "quantity": 1, **values}

    def update(self, identity: str, **values: Any) -> dict[str, Any]:
        """The event of the change."""
        one = self.objects[identity]
        one.update(values)
        one["metadata"] = {"v": str(int(one["metadata"]["v"]) + 1)}
        return self._tell(one["object"], "updated", one)

    def delete(self, identity: str) -> dict[str, Any]:
        one = self.objects.pop(identity)
        return self._tell(one["object"], "deleted", one)

    def _tell(self, what: str, verb: str, one: dict[str, Any]) -> dict[str, Any]:
        if not BY_OBJECT[what].events:
            return {}
        event = {
            "id": f"evt_{next(self._numbers):06}",
            "object": "event",
            "api_version": "2020-08-27",
            "created": self.now,
            "type": f"{FAMILY.get(what, what)}.{verb}",
            "data": {"object": _sent(one)},
            "livemode": False,
        }
        self.events.append(event)
        return event

    def open(self, ctx: Context) -> AbstractContextManager[Api]:
        """What a source opens: this account through Stripe's library and the one HTTP client."""
        known = replace(ctx, credential=lambda: Secret({"api_key": self.key}))
        return open_api(
            known, transport=httpx.MockTransport(self.answer), clock=lambda: float(self.now), sleep=_no_wait
        )

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.meanwhile(path)
        self.calls.append(path)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return self._say(401, {"error": {"type": "invalid_request_error", "message": "Invalid API Key"}})
        asked = parse_qsl(request.url.query.decode())
        if path == "/v1/events":
            kept = [one for one in self.events if self.now - 30 * DAY <= one["created"] <= self.now - self._late(one)]
            if self.unruly:
                kept.sort(key=lambda one: crc32(one["id"].encode()))
            return self._list(kept, dict(asked), lambda one: _of_type(one, asked))
        _, _, name, *rest = path.split("/")
        if name == "subscription_items":
            return self._listed_inside(dict(asked)["subscription"], "items", dict(asked))
        if len(rest) == 2:
            return self._listed_inside(unquote(rest[0]), rest[1], dict(asked))
        kind = KINDS[name]
        if rest:
            return self._one(kind, unquote(rest[0]))
        mine = [one for one in self.objects.values() if one["object"] == kind.object]
        return self._list(mine, dict(asked), lambda one: _listed(kind, one, dict(asked)))

    def _late(self, event: dict[str, Any]) -> int:
        return crc32(event["id"].encode()) % 9 if self.unruly else 0

    def _one(self, kind: Kind, identity: str) -> httpx.Response:
        one = self.objects.get(identity)
        if one is not None and one["object"] == kind.object:
            return self._say(200, _sent(one))
        if kind.object == "customer" and any(event["data"]["object"]["id"] == identity for event in self.events):
            return self._say(200, {"id": identity, "object": "customer", "deleted": True})
        return self._missing(kind.object, identity, "id")

    def _list(self, all_: list[Any], asked: dict[str, str], wanted: Callable[[Any], bool]) -> httpx.Response:
        limit = int(asked.get("limit", 10))
        assert 1 <= limit <= 100
        found = [
            one for _, one in sorted(enumerate(all_), key=lambda pair: (pair[1]["created"], pair[0]), reverse=True)
        ]
        after = asked.get("starting_after")
        if after is not None:
            places = [number for number, one in enumerate(found) if one["id"] == after]
            if not places:
                return self._missing("object", after, "starting_after")
            found = found[places[0] + 1 :]
        start, end = int(asked.get("created[gte]", 0)), int(asked.get("created[lt]", 10**12))
        found = [one for one in found if start <= one["created"] < end and wanted(one)]
        return self._say(200, _part_of([_sent(one) for one in found], limit))

    def _listed_inside(self, identity: str, member: str, asked: dict[str, str]) -> httpx.Response:
        """The whole list of an object's member, in its own order."""
        if identity not in self.objects:
            return self._missing("object", identity, "id")
        items, after = self.objects[identity].get(member, []), asked.get("starting_after")
        if after is not None:
            places = [number for number, one in enumerate(items) if one["id"] == after]
            if not places:
                return self._missing("object", after, "starting_after")
            items = items[places[0] + 1 :]
        return self._say(200, _part_of(items, int(asked.get("limit", 10))))

    def _missing(self, what: str, identity: str, parameter: str) -> httpx.Response:
        error = {"type": "invalid_request_error", "code": "resource_missing", "param": parameter}
        return self._say(
            404 if parameter == "id" else 400, {"error": {**error, "message": f"No such {what}: '{identity}'"}}
        )

    def _say(self, status: int, body: Any) -> httpx.Response:
        date = format_datetime(datetime.fromtimestamp(self.now, UTC), usegmt=True)
        headers = {"Date": date, "Request-Id": "req_1", "Content-Type": "application/json"}
        return httpx.Response(status, stream=Once(json.dumps(body).encode()), headers=headers)


def _part_of(items: list[Any], limit: int) -> dict[str, Any]:
    return {"object": "list", "data": items[:limit], "has_more": len(items) > limit, "url": "/"}


def _sent(one: dict[str, Any]) -> dict[str, Any]:
    """An object as the API sends it: its lists cut after ten."""
    shown = {name: _part_of(value, NESTED) for name, value in one.items() if name in ("lines", "items")}
    return copy.deepcopy({**one, **shown})


class Once(httpx.SyncByteStream):
    """A body that comes over the wire, and is not there before."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self._body


def _no_wait(seconds: float) -> None:
    return None


def _of_type(event: dict[str, Any], asked: list[tuple[str, str]]) -> bool:
    types = [value for name, value in asked if name.startswith("types[")]
    assert len(types) <= 20
    if types:
        return event["type"] in types
    wildcard = dict(asked).get("type", "*")
    return bool(event["type"].startswith(wildcard.removesuffix("*")))


def _listed(kind: Kind, one: dict[str, Any], asked: dict[str, str]) -> bool:
    if kind.object == "price":
        return bool(one["active"]) == (asked.get("active", "true") == "true")
    return kind.object != "subscription" or one["status"] != "canceled" or asked.get("status") in ("all", "canceled")


EXAMPLES: dict[str, dict[str, Any]] = {
    "balance_transaction": {"amount": 1000, "fee": 59, "net": 941, "currency": "usd", "type": "charge"},
    "charge": {"amount": 1000, "currency": "usd", "status": "pending", "paid": False, "captured": False},
    "credit_note": {"amount": 500, "total": 500, "subtotal": 500, "currency": "usd", "status": "issued", "invoice": "in_1"},
    "customer": {"name": "Ada", "email": "ada@example.com", "balance": 0, "currency": "usd"},
    "dispute": {"amount": 1000, "currency": "usd", "status": "needs_response", "charge": "ch_1", "reason": "general"},
    "invoice": {"total": 1000, "subtotal": 1000, "amount_due": 1000, "amount_paid": 0, "amount_remaining": 1000,
                "currency": "usd", "status": "draft", "number": None},
    "payment_intent": {"amount": 1000, "amount_received": 0, "currency": "usd", "status": "requires_payment_method"},
    "payout": {"amount": 5000, "currency": "usd", "status": "pending", "arrival_date": 1_750_100_000},
    "price": {"unit_amount": 1000, "currency": "usd", "active": True, "type": "one_time", "product": "prod_1"},
    "product": {"name": "Tea", "active": True},
    "refund": {"amount": 300, "currency": "usd", "status": "pending", "charge": "ch_1"},
    "subscription": {"status": "active", "currency": "usd", "customer": "cus_1",
                     "items": [{"id": "si_1", "price": {"id": "price_1"}, "quantity": 2}]},
}  # fmt: skip


def body_of(event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()
