"""An outside system on this machine: a real HTTP server for the tests of your own sources."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.test import override_settings

_HERE = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the server got it. Names of headers are in small letters."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: `value` as JSON, or as it is where it is bytes."""

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answering = Callable[[Asked], Any]


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    url: str
    """Where it listens: http://127.0.0.1 with a port."""
    asked: list[Asked]
    """What it was asked until now, in order."""


@contextmanager
def serving(paths: Mapping[str, Any] | Answering) -> Iterator[Served]:
    """Answer HTTP on 127.0.0.1 for the duration of a `with` block, with 127.0.0.0/8 among PRIVATE_NETWORKS.

    `paths` maps a path to what it answers: a JSON value, bytes, an `Answer`, or a function of `Asked` that returns one
    of these; any other path is a 404. Or it is such a function for all of them.
    """
    asked: list[Asked] = []
    listening = ThreadingHTTPServer((_HERE, 0), _handler(paths if callable(paths) else _by_path(paths), asked))
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    networks = [*settings.INGESTION.get("PRIVATE_NETWORKS", ()), "127.0.0.0/8"]
    try:
        with override_settings(INGESTION={**settings.INGESTION, "PRIVATE_NETWORKS": networks}):
            yield Served(f"http://{_HERE}:{listening.server_port}", asked)
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def _by_path(paths: Mapping[str, Any]) -> Answering:
    def answer(asked: Asked) -> Any:
        given = paths.get(asked.path, Answer({"error": f"Nothing is at {asked.path}."}, 404))
        return given(asked) if callable(given) else given

    return answer


def _handler(answering: Answering, asked: list[Asked]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            split = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            request = Asked(
                self.command, split.path, dict(parse_qsl(split.query, keep_blank_values=True)), headers, body
            )
            asked.append(request)
            given = answering(request)
            self._send(given if isinstance(given, Answer) else Answer(given))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815  as http.server asks

        def _send(self, answer: Answer) -> None:
            raw = isinstance(answer.value, bytes)
            body = answer.value if raw else json.dumps(answer.value, default=str).encode()
            self.send_response(answer.status)
            kind = {"Content-Type": "application/octet-stream" if raw else "application/json"}
            for name, value in {**kind, "Content-Length": str(len(body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  Django's tests are quiet
            return

    return Handler
