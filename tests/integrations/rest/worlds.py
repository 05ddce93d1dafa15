"""Sources in memory under the real client, and the contexts that read them."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from ingestion import Context, Page, Secret, TenantRef, Window
from integrations.http import Circuits, Client
from integrations.rest import Rest

NOW = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)
WINDOW = Window(datetime(2026, 2, 28, 23, 55, 0, 250_000, tzinfo=UTC), NOW)
Answering = Callable[[httpx.Request], httpx.Response]


def context(**values: Any) -> Context:
    credential: Mapping[str, str] | None = values.pop("secret", None)
    if credential is not None:
        values["credential"] = lambda: Secret(credential, 1)
    given = {"tenant": TenantRef(1, "acme"), "pipeline": "rest.records", "run_id": 7, "now": NOW, "window": WINDOW}
    return Context(**{**given, **values})


class World(httpx.BaseTransport):
    """Answers with a function, and remembers what it was asked."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.asked: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        return self.answer(request)

    @property
    def connect(self) -> Any:
        return functools.partial(Client, transport=self, sleep=lambda seconds: None, breaker=Circuits())

    @property
    def queries(self) -> list[dict[str, str]]:
        return [dict(request.url.params) for request in self.asked]


def reply(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    framing = {"content-type": "application/json", "content-length": str(len(content))}
    return httpx.Response(status, stream=httpx.ByteStream(content), headers={**framing, **named})


def rest(**values: Any) -> Rest:
    return Rest(**{"base_url": "https://api.example.com", "path": "/things", "records": "$.data[*]", **values})


def read(declared: Rest, world: World, checkpoint: Any = None, **ctx: Any) -> list[Page]:
    return list(declared.through(world.connect).extract(context(**ctx), checkpoint))


def ids(pages: list[Page]) -> list[str]:
    return [record.key for page in pages for record in page.records]


def resumed(declared: Rest, world: World, **ctx: Any) -> Iterator[tuple[int, list[str]]]:
    """For each page: its number, and all ids when the reading is interrupted after it and begun again."""
    whole = list(declared.through(world.connect).extract(context(**ctx), None))
    for number, page in enumerate(whole, start=1):
        checkpoint = json.loads(json.dumps(page.checkpoint))
        yield number, ids(whole[:number]) + ids(read(declared, world, checkpoint, **ctx))
