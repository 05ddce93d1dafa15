"""What a client owes the engine: signs of life, patience, log lines, calls from several threads."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator

import httpx
import pytest

from ingestion import SourceChanged, Transient
from ingestion.core.errors import Cancelled
from integrations.http import Limits
from tests.integrations.http.callers import HASTY, Told, client, context
from tests.integrations.http.faults import FAULTS
from tests.integrations.http.server import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(FAULTS) as running:
        yield running


class Cancelling:
    """An operator who cancels the run while it waits for the source."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled("An operator cancelled the run.")


@pytest.mark.slow
def test_a_run_shows_signs_of_life_while_an_answer_drips_in(server: Server) -> None:
    told = Told()

    with client(server.url, told) as calling, pytest.raises(Transient):
        calling.get("/slow-drip/beats")

    assert told.beats > 5


def test_a_run_shows_signs_of_life_while_it_waits_to_try_again() -> None:
    told, slept = Told(), list[float]()

    with (
        client(
            "https://api.example.com",
            told,
            transport=httpx.MockTransport(lambda request: httpx.Response(503, headers={"Retry-After": "30"})),
            limits=Limits(deadline=1000, attempts=2),
            sleep=slept.append,
        ) as calling,
        pytest.raises(Transient),
    ):
        calling.get("/")

    assert 30 <= sum(slept) <= 31
    assert max(slept) <= 2
    assert told.beats >= len(slept)


def test_a_cancelled_run_stops_waiting(server: Server) -> None:
    ctx = context(beat=Cancelling(after=4))

    with client(server.url, ctx=ctx) as calling, pytest.raises(Cancelled):
        calling.get("/slow-drip/cancelled")

    assert len(server.seen("/slow-drip/cancelled")) == 1


def test_a_client_works_on_after_an_interruption(server: Server) -> None:
    ctx = context(beat=Cancelling(after=4))
    with client(server.url, ctx=ctx) as calling:
        with pytest.raises(Cancelled):
            calling.get("/slow-drip/interrupted")
        ctx.beat.left = 1000  # type: ignore[attr-defined]

        assert calling.get("/ok/interrupted").json() == {"ok": True}


def test_waiting_for_the_own_rate_limit_does_not_use_up_the_deadline() -> None:
    now = [0.0]

    def throttle(weight: float) -> None:
        now[0] += 1000

    with client(
        "https://api.example.com",
        ctx=context(throttle=throttle),
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=[])),
        clock=lambda: now[0],
    ) as calling:
        assert calling.get("/").json() == []


def test_waits_between_attempts_grow_and_differ() -> None:
    slept: list[list[float]] = []
    for _ in range(20):
        waits: list[float] = []
        with (
            client(
                "https://api.example.com",
                transport=httpx.MockTransport(lambda request: httpx.Response(500)),
                limits=Limits(backoff=0.1, backoff_cap=1.0, deadline=1000),
                sleep=waits.append,
            ) as calling,
            pytest.raises(Transient),
        ):
            calling.get("/")
        slept.append(waits)

    assert {len(waits) for waits in slept} == {5}
    for number, most in enumerate([0.1, 0.2, 0.4, 0.8, 1.0]):
        assert all(most / 2 <= waits[number] <= most for waits in slept)
    assert len({waits[0] for waits in slept}) > 10


def test_no_wait_reaches_beyond_the_deadline() -> None:
    slept: list[float] = []

    with (
        client(
            "https://api.example.com",
            transport=httpx.MockTransport(lambda request: httpx.Response(503, headers={"Retry-After": "90"})),
            limits=Limits(deadline=60),
            sleep=slept.append,
        ) as calling,
        pytest.raises(Transient) as raised,
    ):
        calling.get("/")

    assert slept == []
    assert raised.value.retry_after == 90


def test_no_call_lasts_longer_than_is_left_to_whoever_waits_for_it_rate_limits_included() -> None:
    now, asked = [0.0], []

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(now[0])
        return httpx.Response(500)

    with client(
        "https://api.example.com",
        ctx=context(throttle=lambda weight: pass_by(3), left=lambda: 8 - now[0]),
        transport=httpx.MockTransport(answer),
        limits=Limits(),
        sleep=pass_by,
        clock=lambda: now[0],
    ) as calling:
        for _ in range(2):
            with pytest.raises(Transient):
                calling.get("/")

    assert asked[0] == 3
    assert max(asked) < 8


def test_an_exhausted_rate_limit_is_passed_on_before_it_is_broken() -> None:
    told = Told()
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "17"}

    with client(
        "https://api.example.com",
        told,
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=[], headers=headers)),
    ) as calling:
        calling.get("/")

    assert told.held_off == [17]


def test_every_attempt_is_a_log_line_that_says_whose_it_is(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion.http")

    with client(server.url) as calling:
        calling.get("/503-burst/log", params={"after": "tr_123", "limit": 5})

    lines = [record for record in caplog.records if record.name == "ingestion.http"]
    assert [line.status for line in lines] == [503, 503, 503, 200]  # type: ignore[attr-defined]
    last = vars(lines[-1])
    assert {name: last[name] for name in ("tenant_id", "pipeline", "run_id", "event", "call_id", "method", "host")} == {
        "tenant_id": 1,
        "pipeline": "shop.orders",
        "run_id": 7,
        "event": "http",
        "call_id": "acme:7:1",
        "method": "GET",
        "host": "127.0.0.1",
    }
    assert last["bytes"] > 0
    assert re.fullmatch(
        rf"GET 127\.0\.0\.1:{server.port}/503-burst/log\?after&limit: 200, \d+ bytes, \d+ ms, attempt 4 of acme:7:1",
        lines[-1].getMessage(),
    )


def test_a_path_cannot_forge_a_log_line(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingestion.http")

    with client(server.url) as calling:
        calling.get("/ok/%0AINFO forged", params={"a\nb": 1})

    assert [record.getMessage() for record in caplog.records if "\n" in record.getMessage()] == []


def test_a_connection_is_used_again(server: Server) -> None:
    def keeping(on: object) -> None:
        on.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")  # type: ignore[attr-defined]

    with serving({"kept": keeping}) as running:  # type: ignore[dict-item]
        with client(running.url) as calling:
            for _ in range(5):
                calling.get("/kept")

        assert (len(running.requests), running.connections) == (5, 1)


@pytest.mark.slow
def test_threads_may_share_a_client(server: Server) -> None:
    said: list[str] = []
    with client(server.url, limits=Limits(deadline=20)) as calling:

        def ask(fault: str) -> None:
            try:
                said.append(str(calling.get(f"/{fault}/shared").json()))
            except SourceChanged:
                said.append("changed")

        crowd = [threading.Thread(target=ask, args=(fault,)) for fault in ["ok", "404", "gzip-bomb"] * 5]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()

    assert sorted(said) == ["changed"] * 10 + ["{'ok': True}"] * 5
    ids = [one.headers["x-request-id"] for one in server.requests if one.path.endswith("/shared")]
    assert len(set(ids)) == 15


@pytest.mark.slow
def test_a_large_upload_to_a_server_that_reads_nothing_keeps_to_the_deadline(server: Server) -> None:
    def deaf(on: object) -> None:
        on.idle(8)  # type: ignore[attr-defined]

    with (
        serving({"deaf": deaf}) as running,  # type: ignore[dict-item]
        client(running.url, limits=HASTY) as calling,
        pytest.raises(Transient),
    ):
        calling.request("PUT", "/deaf", content=b"x" * 50_000_000)


def test_json_tells_what_came_instead() -> None:
    for body, said in ((b"", "an empty body"), (b" <html>", "a web page"), (b"ok", "2 bytes that are something else")):
        with client(
            "https://api.example.com",
            transport=httpx.MockTransport(lambda request, b=body: httpx.Response(200, content=b)),
        ) as calling:
            answer = calling.get("/v1?token=t0ken")
            with pytest.raises(SourceChanged, match=said) as raised:
                answer.json()

        assert "t0ken" not in str(raised.value)


def test_json_reads_what_begins_with_a_byte_order_mark() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=b'\xef\xbb\xbf{"a": 1}'))

    with client("https://api.example.com", transport=transport) as calling:
        assert calling.get("/").json() == {"a": 1}
