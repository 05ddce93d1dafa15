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
class Request:
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


Answering = Callable[[Request], Any]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    url: str
    """Where it listens: http://127.0.0.1 with a port."""
    requests: list[Request]
    """Those that came until now, in order."""


@contextmanager
def serving(paths: Mapping[str, Any] | Answering) -> Iterator[Server]:
    """Answer HTTP on 127.0.0.1 for the duration of a `with` block, with 127.0.0.0/8 among PRIVATE_NETWORKS.

    `paths` maps a path to what it answers: a JSON value, bytes, an `Answer`, or a function of `Request` that returns
    one of these; any other path is a 404. Or it is such a function for all of them.
    """
    requests: list[Request] = []
    listening = ThreadingHTTPServer((_HERE, 0), _handler(paths if callable(paths) else _by_path(paths), requests))
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    networks = [*settings.INGESTION.get("PRIVATE_NETWORKS", ()), "127.0.0.0/8"]
    try:
        with override_settings(INGESTION={**settings.INGESTION, "PRIVATE_NETWORKS": networks}):
            yield Server(f"http://{_HERE}:{listening.server_port}", requests)
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def _by_path(paths: Mapping[str, Any]) -> Answering:
    def answer(request: Request) -> Any:
        at_path = paths.get(request.path, Answer({"error": f"Nothing is at {request.path}."}, 404))
        return at_path(request) if callable(at_path) else at_path

    return answer


def _handler(answering: Answering, requests: list[Request]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            split = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            request = Request(
                self.command, split.path, dict(parse_qsl(split.query, keep_blank_values=True)), headers, body
            )
            requests.append(request)
            answer = answering(request)
            self._send(answer if isinstance(answer, Answer) else Answer(answer))

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
