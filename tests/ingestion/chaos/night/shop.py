"""The source of a night: shops whose orders grow, behind an API that now and then misbehaves in one way."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 15
FIELDS = tuple("abcdefghij")


class Shop:
    """`weather` is how it misbehaves now: "" (well), 500, 429, slow, hang, error, renamed. Tokens are per shop."""

    def __init__(self, names: tuple[str, ...], seed: int) -> None:
        self.orders: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        self.tokens: dict[str, set[str]] = {name: set() for name in names}
        self.retyped: dict[str, int] = dict.fromkeys(names, 0)
        """How many of a shop's fields are written as texts by now, where they were numbers."""
        self.weather = ""
        self.address = ""
        self._lock = threading.Lock()
        self._draw = random.Random(seed)

    @contextmanager
    def open(self) -> Iterator[None]:
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def sell(self) -> None:
        """One to six new orders in every shop."""
        with self._lock:
            for name, orders in self.orders.items():
                for _ in range(self._draw.randint(1, 6)):
                    number = len(orders) + 1
                    order = {"id": f"{name}-{number:06}", "amount": number, "updated_at": datetime.now(UTC).isoformat()}
                    texts = FIELDS[: self.retyped[name]]
                    orders.append({**order, **{key: str(number) if key in texts else number for key in FIELDS}})

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = urlsplit(request.path)
        words = {key: values[0] for key, values in parse_qs(asked.query).items()}
        name = asked.path.strip("/")
        weather = self.weather
        if weather in ("slow", "hang"):
            time.sleep(3 if weather == "slow" else 20)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens[name]:
            return send(request, 401, {"message": "invalid token"})
        if weather == "500":
            return send(request, 500, {"message": "internal"})
        if weather == "429":
            return send(request, 429, {"message": "too many"}, {"Retry-After": "10"})
        if weather == "error":
            return send(request, 200, {"error": {"code": "internal", "message": "backend is down"}, "data": []})
        return send(request, 200, self._page(name, words, "next_cursor" if weather == "renamed" else "next"))

    def _page(self, name: str, words: dict[str, str], member: str) -> dict[str, Any]:
        since, until = (datetime.fromisoformat(words[key]) for key in ("since", "until"))
        with self._lock:
            every = [one for one in self.orders[name] if since <= datetime.fromisoformat(one["updated_at"]) <= until]
        first = int(words.get("after", 0))
        following = first + PAGE
        meta = {"count": len(every), member: str(following) if following < len(every) else None}
        return {"data": every[first:following], "meta": meta}


def send(request: BaseHTTPRequestHandler, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
    body = json.dumps(value).encode()
    try:
        request.send_response(status)
        for key, text in {"Content-Type": "application/json", **(headers or {})}.items():
            request.send_header(key, text)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except OSError:
        pass  # whoever asked was killed meanwhile


def declaration(shop: Shop, name: str, drift: str) -> dict[str, Any]:
    """The config of a connection that reads one of the shops."""
    return {
        "integration": "shop",
        "rest": {
            "base_url": shop.address,
            "path": f"/{name}",
            "params": {"since": "{window.start}", "until": "{window.end}"},
            "records": "$.data[*]",
            "updated": "updated_at",
            "total": "$.meta.count",
            "pagination": {"style": "cursor", "param": "after", "next": "$.meta.next"},
            "auth": {"kind": "bearer"},
            "drift": drift,
            "timeout": 10,
        },
    }
