"""Whatever bytes come, the error is one of ours and the call ends."""

from __future__ import annotations

import dataclasses
import gzip
import random
import time
from collections.abc import Iterator

import pytest

from ingestion import SourceChanged, Transient
from tests.integrations.http.callers import HASTY, HELD_UP, client
from tests.integrations.http.server import Exchange, Server, serving

ANSWERS = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"ok": true}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n[1,2\r\n1\r\n]\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    + gzip.compress(b"[1, 2, 3]" * 50, mtime=0),
    b"HTTP/1.1 302 Found\r\nLocation: /garbage/next\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 5\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
)
BITS = (
    b"",
    b"\0",
    b"\r\n",
    b"\r\n\r\n",
    b":",
    b" ",
    b"\xff" * 5,
    b"9" * 40,
    b"-1",
    b"HTTP/1.1 ",
    b"chunked",
    b"%",
    b"http://[",
)


def damaged(seed: int) -> bytes:
    chance = random.Random(seed)
    answer = bytearray(chance.choice(ANSWERS))
    for _ in range(chance.randint(1, 2)):
        start = chance.randrange(len(answer) + 1)
        answer[start : start + chance.randint(0, 6)] = chance.choice(BITS)
    return bytes(answer)


def garbage(on: Exchange) -> None:
    name = on.request.path.rsplit("/", 1)[1]
    on.send(damaged(int(name)) if name.isdigit() else ANSWERS[0])
    on.connection.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving({"garbage": garbage}) as running:
        yield running


@pytest.mark.slow
def test_damaged_answers_end_in_an_error_of_ours_or_are_read(server: Server) -> None:
    ends: dict[str, int] = {}
    once = dataclasses.replace(HASTY, attempts=1, deadline=1.0)

    for seed in range(600):
        started = time.monotonic()
        with client(server.url, limits=once) as calling:
            try:
                calling.get(f"/garbage/{seed}").json()
                end = "read"
            except (SourceChanged, Transient) as error:
                end = type(error).__name__
        ends[end] = ends.get(end, 0) + 1
        assert time.monotonic() - started <= once.deadline + HELD_UP, seed

    assert set(ends) - {"HeldOff"} == {"read", "SourceChanged", "Transient"}
