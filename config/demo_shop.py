"""What `manage.py demo` reads while it stays up: the API of a made-up shop, whose orders change by the minute.

`python -m config.demo_shop PORT` serves it to whoever sends the token in DEMO_SHOP_TOKEN. The tenant's connection reads
it every minute, with a credential, page by page; what has not changed is skipped.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from config.supervisor import Program

TENANT, NAME, INTEGRATION = "harbour", "web-shop", "demo-shop"
TOKEN = "DEMO_SHOP_TOKEN"  # noqa: S105  the name of a variable
EVERY, SHOWN, PAGE = 60, 120, 50
"""Seconds between two orders, how many orders back the shop lists, and orders a page."""
TITLES = ("Moby-Dick", "Middlemarch", "The Odyssey", "Persuasion", "Dubliners", "Walden", "Emma")
NETWORK = "127.0.0.1/32"


def page(cursor: str, now: float) -> dict[str, Any]:
    """A page of the newest orders, oldest first; its cursor keeps to the list that the first page was of.

    An order is open for five minutes, then paid, after half an hour shipped.
    """
    newest, _, place = cursor.partition("-")
    last = int(newest) if newest.isdecimal() else int(now) // EVERY
    start = int(place) if place.isdecimal() else 0
    numbers = range(last - SHOWN + 1, last + 1)
    following = f"{last}-{start + PAGE}" if start + PAGE < SHOWN else None
    orders = [_order(number, last - number) for number in numbers[start : start + PAGE]]
    return {"data": orders, "next": following, "count": SHOWN}


def _order(number: int, age: int) -> dict[str, Any]:
    state, since = ("open", 0) if age < 5 else ("paid", 5) if age < 30 else ("shipped", 30)
    changed = datetime.fromtimestamp((number + since) * EVERY, UTC)
    return {
        "id": f"ord_{number}",
        "title": TITLES[number % len(TITLES)],
        "amount": f"{number % 37 + 4}.{number % 100:02}",
        "currency": "GBP",
        "state": state,
        "updated_at": changed.isoformat(),
    }


class Shop(BaseHTTPRequestHandler):
    """`GET /orders?cursor=…`: a page, the next cursor and the number of all orders."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        sent = self.headers.get("Authorization", "")
        if not compare_digest(sent.encode(), f"Bearer {os.environ[TOKEN]}".encode()):
            self._answer(401, {"error": "Send the token."})
        elif address.path != "/orders":
            self._answer(404, {"error": "There are only /orders."})
        else:
            self._answer(200, page(parse_qs(address.query).get("cursor", [""])[0], time.time()))

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """The runs say what was asked."""


@contextmanager
def opened(host: str, port: int) -> Iterator[Program]:
    """The program that serves the shop, with the tenant connected to it until the end of the block.

    Programs started inside may call this machine, which the engine otherwise refuses.
    """
    from config.supervisor import Program
    from ingestion import actions
    from ingestion.models import Tenant

    actor, tenant, token = actions.Actor(program="demo"), Tenant.objects.get(key=TENANT), secrets.token_urlsafe(24)
    origin = f"http://{host}:{port}"
    actions.set_credential(actor, tenant, INTEGRATION, {"token": token, "hosts": origin}, reason="the demo was started")
    connection = actions.connect(actor, tenant, "rest.records", NAME)
    actions.configure(actor, connection, {"rest": declared(origin), "integration": INTEGRATION})
    actions.set_schedule(actor, connection, {"every": "1m", "spread": "0s"}, "the demo was started")
    before = os.environ.get("PRIVATE_NETWORKS")
    os.environ["PRIVATE_NETWORKS"] = ",".join(filter(None, [before, NETWORK]))
    try:
        yield Program("shop", (sys.executable, "-m", "config.demo_shop", str(port)), {TOKEN: token})
    finally:
        if before is None:
            del os.environ["PRIVATE_NETWORKS"]
        else:
            os.environ["PRIVATE_NETWORKS"] = before
        actions.set_schedule(actor, connection, {"off": True}, "the demo was stopped, and its shop with it")


def declared(origin: str) -> dict[str, Any]:
    """The shop's API as a connection's config declares it."""
    return {
        "base_url": origin,
        "path": "/orders",
        "records": "$.data[*]",
        "updated": "updated_at",
        "total": "$.count",
        "pagination": {"style": "cursor", "next": "$.next"},
        "auth": {"kind": "bearer"},
    }


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
