"""Each fault ends in its error class, after the right number of attempts, within the deadline."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ingestion import CredentialError, HeldOff, IngestionError, SourceChanged, Transient
from tests.integrations.http.callers import HASTY, HELD_UP, Told, client
from tests.integrations.http.faults import FAULTS
from tests.integrations.http.server import Server, serving

pytestmark = pytest.mark.slow

RECOVERED = {
    "ok": 1,
    "429-seconds": 2,
    "429-date": 2,
    "429-bare": 3,
    "429-negative": 2,
    "429-senseless": 2,
    "429-reset": 2,
    "500-once": 2,
    "502-burst": 6,
    "503-burst": 4,
    "503-large": 5,
    "504-burst": 3,
    "reset-once": 2,
    "reset-in-body-once": 2,
    "truncated-once": 2,
    "deflate": 1,
    "zipped": 1,
    "moved": 1,
    "400-throttled": 2,
    "403-limit": 2,
    "408": 2,
}
"""Attempts after which the answer is good."""

FAILED: dict[str, tuple[type[IngestionError], int | None]] = {
    "429-huge": (HeldOff, 1),
    "429-for-ever": (HeldOff, 6),
    "500": (Transient, 6),
    "502": (Transient, 6),
    "503": (Transient, 6),
    "504": (Transient, 6),
    "reset": (Transient, 6),
    "reset-in-headers": (Transient, 6),
    "reset-in-body": (Transient, 6),
    "closed": (Transient, 6),
    "silent": (Transient, None),
    "slow-headers": (Transient, 1),
    "slow-drip": (Transient, 1),
    "truncated": (Transient, 6),
    "two-lengths": (Transient, 6),
    "senseless-length": (Transient, 6),
    "garbled-chunks": (Transient, 6),
    "cut-chunks": (Transient, 6),
    "no-http": (Transient, 6),
    "damaged-gzip": (Transient, 6),
    "cut-gzip": (Transient, 6),
    "gzip-bomb": (SourceChanged, 1),
    "packed-twice": (SourceChanged, 1),
    "brotli": (SourceChanged, 1),
    "huge-headers": (SourceChanged, 1),
    "endless-headers": (SourceChanged, 1),
    "endless-body": (SourceChanged, 1),
    "endless-interim": (SourceChanged, 1),
    "moved-host": (SourceChanged, 1),
    "moved-port": (SourceChanged, 1),
    "moved-scheme": (SourceChanged, 1),
    "moved-file": (SourceChanged, 1),
    "moved-user": (SourceChanged, 1),
    "moved-nowhere": (SourceChanged, 1),
    "moved-without-location": (SourceChanged, 1),
    "loop": (SourceChanged, 4),
    "not-modified": (SourceChanged, 1),
    "400": (SourceChanged, 1),
    "401": (CredentialError, 1),
    "403": (CredentialError, 1),
    "404": (SourceChanged, 1),
    "409": (SourceChanged, 1),
    "410": (SourceChanged, 1),
    "422": (SourceChanged, 1),
}
"""The error, and the requests that the server saw (None: as many as fit into the deadline)."""

SENSELESS: dict[str, type[IngestionError]] = {
    "nothing": SourceChanged,
    "too-short-length": SourceChanged,
    "web-page": SourceChanged,
    "no-json": SourceChanged,
    "deep-json": SourceChanged,
    "cut-without-length": Transient,
}
"""Answered well as far as HTTP goes, but no JSON."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(FAULTS) as running:
        yield running


def test_every_fault_is_judged_here() -> None:
    judged = [*RECOVERED, *FAILED, *SENSELESS]

    assert sorted(judged) == sorted(FAULTS)
    assert len(judged) >= 25


@pytest.mark.parametrize("fault", RECOVERED)
def test_a_passing_trouble_is_outlasted(server: Server, fault: str) -> None:
    started = time.monotonic()

    with client(server.url) as calling:
        answer = calling.get(f"/{fault}/recovered")

    assert answer.json() == {"ok": True}
    assert len(server.seen(f"/{fault}/recovered")) == RECOVERED[fault]
    assert time.monotonic() - started <= HASTY.deadline + HELD_UP


@pytest.mark.parametrize("fault", FAILED)
def test_a_lasting_trouble_ends_in_its_class(server: Server, fault: str) -> None:
    expected, attempts = FAILED[fault]
    started = time.monotonic()

    with client(server.url) as calling, pytest.raises(expected) as raised:
        calling.get(f"/{fault}/failed")

    assert type(raised.value) is expected
    assert time.monotonic() - started <= HASTY.deadline + HELD_UP
    assert attempts is None or len(server.seen(f"/{fault}/failed")) == attempts
    assert str(server.port) in str(raised.value)


@pytest.mark.parametrize("fault", SENSELESS)
def test_what_is_no_json_says_what_it_is_instead(server: Server, fault: str) -> None:
    with client(server.url) as calling:
        answer = calling.get(f"/{fault}/senseless")

        with pytest.raises(SENSELESS[fault], match=r"instead of JSON|perhaps cut"):
            answer.json()


@pytest.mark.parametrize("fault", [fault for fault, (kind, _) in FAILED.items() if issubclass(kind, Transient)])
def test_a_call_that_must_not_be_repeated_is_made_once(server: Server, fault: str) -> None:
    with client(server.url) as calling, pytest.raises(Transient):
        calling.request("POST", f"/{fault}/post", json={"amount": 1})

    assert len(server.seen(f"/{fault}/post")) == 1


def test_a_post_with_an_idempotency_key_is_repeated(server: Server) -> None:
    with client(server.url) as calling:
        calling.request("POST", "/503-burst/post", data={"a": "1"}, headers={"Idempotency-Key": "k"}, idempotent=True)

    seen = server.seen("/503-burst/post")
    assert [(one.body, one.headers["idempotency-key"]) for one in seen] == [(b"a=1", "k")] * 4


def test_a_redirected_post_is_not_sent_again(server: Server) -> None:
    with client(server.url) as calling, pytest.raises(SourceChanged, match="redirect"):
        calling.request("POST", "/moved/post", data={"a": "1"})

    assert [one.method for one in server.seen("/moved/post")] == ["POST"]


def test_a_refusal_may_be_taken_as_an_answer(server: Server) -> None:
    with client(server.url) as calling:
        assert calling.get("/404/accepted", accept={404}).status == 404


def test_nobody_listens(server: Server) -> None:
    with client("http://127.0.0.1:1") as calling, pytest.raises(Transient, match="no connection"):
        calling.get("/")


def test_the_source_tells_everybody_how_long_to_wait(server: Server) -> None:
    told = Told()

    with client(server.url, told) as calling, pytest.raises(Transient) as raised:
        calling.get("/429-huge/told")

    assert raised.value.retry_after == 3600
    assert told.held_off == [3600]


def test_every_attempt_is_throttled_and_carries_the_call_s_id(server: Server) -> None:
    told = Told()

    with client(server.url, told) as calling:
        calling.get("/503-burst/id")
        calling.get("/ok/id")

    assert told.throttled == [1.0] * 5
    assert [one.headers["x-request-id"] for one in server.seen("/503-burst/id")] == ["acme:7:1"] * 4
    assert [one.headers["x-request-id"] for one in server.seen("/ok/id")] == ["acme:7:2"]
