"""Canaries: secrets planted everywhere appear in no log line, exception, repr or traceback, in no encoding."""

from __future__ import annotations

import base64
import dataclasses
import logging
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from ingestion import ConfigurationError, IngestionError
from integrations.http import Client
from tests.integrations.http.callers import HASTY, client, context
from tests.integrations.http.faults import FAULTS
from tests.integrations.http.server import Exchange, Server, serving

pytestmark = pytest.mark.slow

HEADER, PARAM, CALL, BODY, FORM, QUERY = CANARIES = (
    "sk_live_canary/of+the=header",
    "canary of a&secret=parameter",
    "canary_of_one_call's_header",
    "canary_in_the_body",
    "canary:in?the#form",
    "canary_in_an_ordinary_query",
)
BASIC = base64.b64encode(b"user:canary_password").decode()


def forms(secret: str) -> set[str]:
    """As it is, as in a URL, in base64 (wherever it starts) and in hexadecimal."""
    raw = secret.encode()
    shifted = {base64.b64encode(b"\0" * pad + raw).decode()[4:-4] for pad in range(3)}
    return {secret, quote(secret), quote(secret, safe=""), quote(secret).replace("%20", "+"), raw.hex(), *shifted}


def echo_in_status(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 " + on.request.raw.replace(b"\r\n", b" ") + b"\r\nContent-Length: 0\r\n\r\n")


def echo_as_garbage(on: Exchange) -> None:
    on.send(on.request.raw + b"\r\n\r\n")


def echo_in_headers(on: Exchange) -> None:
    on.answer(500, on.request.raw, "X-Echo: " + repr(on.request.raw), "Set-Cookie: " + HEADER)


def echo_in_refusal(on: Exchange) -> None:
    on.answer(400, on.request.raw)


def echo_in_bad_header(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\n" + on.request.raw.replace(b"\r\n", b"\0") + b"\r\n\r\n")


def echo_in_chunks(on: Exchange) -> None:
    on.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + on.request.raw)


def echo_in_location(on: Exchange) -> None:
    on.answer(302, b"", f"Location: http://elsewhere.example.com/{quote(HEADER, safe='')}?key={quote(PARAM)}")


def echo_in_text(on: Exchange) -> None:
    on.answer(200, on.request.raw)


ECHOES = {name: fault for name, fault in globals().items() if name.startswith("echo_")}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving({**FAULTS, **ECHOES}) as running:
        yield running


QUICK_FAULTS = [fault for fault in FAULTS if not fault.startswith(("429-", "slow-", "silent"))]


@pytest.mark.parametrize("fault", [*QUICK_FAULTS, "slow-drip", *ECHOES])
def test_no_secret_gets_out(server: Server, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with _armed(server.url) as calling:
        texts = [_told(calling, "GET", f"/{fault}/{quote(HEADER, safe='')}"), _told(calling, "POST", f"/{fault}/x")]
        texts += [repr(calling), str(calling), f"{calling!r}"]

    texts += [logging.Formatter().format(record) + repr(vars(record)) for record in caplog.records]
    found = [form for text in texts for canary in CANARIES for form in forms(canary) if form in text]
    assert found == []
    assert BASIC not in "".join(texts)
    assert any("ingestion.http" in record.name for record in caplog.records)


def test_the_canaries_were_really_sent(server: Server) -> None:
    with _armed(server.url) as calling:
        _told(calling, "POST", "/ok/sent")

    sent = server.seen("/ok/sent")[-1]
    assert sent.headers["authorization"] == f"Bearer {HEADER}"
    assert sent.headers["x-api-key"] == CALL
    assert quote(PARAM, safe="") in sent.path.replace("+", "%20")
    assert quote(QUERY) in sent.path
    assert quote(FORM, safe="").encode() in sent.body


def test_the_client_s_own_frames_hold_no_secret(server: Server) -> None:
    """What an error page or crash reporter prints of local variables, below the caller's own."""
    for fault in ("500", "truncated", "401", "echo_as_garbage", "closed"):
        with _keyed(server.url) as calling, pytest.raises(IngestionError) as raised:
            calling.get(f"/{fault}/frames")

        frames = raised.value.__traceback__.tb_next  # type: ignore[union-attr]
        shown = "".join(
            traceback.TracebackException(type(raised.value), raised.value, frames, capture_locals=True).format()
        )
        assert [canary for canary in (HEADER, PARAM) if any(form in shown for form in forms(canary))] == []


def test_an_error_stands_alone(server: Server) -> None:
    """The libraries' own errors quote what was sent and received; they are not chained to ours."""
    with _keyed(server.url) as calling, pytest.raises(IngestionError) as raised:
        calling.get("/echo_as_garbage/alone")

    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


@pytest.mark.parametrize("value", ["line\nbreak-canary", "café-canary", "nul\0-canary"])
def test_a_credential_that_no_header_can_carry_is_not_shown(server: Server, value: str) -> None:
    with (
        client(server.url, secret_headers={"Authorization": value}) as calling,
        pytest.raises(ConfigurationError) as raised,
    ):
        calling.get("/ok/carried")

    assert "canary" not in "".join(traceback.format_exception(raised.value))
    assert server.seen("/ok/carried") == []


def test_an_answer_shows_nothing_of_itself(server: Server) -> None:
    with _keyed(server.url) as calling:
        answer = calling.get("/echo_in_text/repr")

    assert HEADER.encode() in answer.body
    assert not any(form in repr(answer) for form in forms(HEADER))
    assert not any(form in answer.url for form in forms(PARAM))


def test_a_link_that_repeats_a_secret_parameter_comes_back_without(server: Server) -> None:
    with _keyed(server.url) as calling:
        answer = calling.get(f"/ok/next?api_key={quote(PARAM, safe='')}&page=2")

    assert answer.url == f"{server.url}/ok/next?page=2"
    assert server.seen("/ok/next")[-1].path.count("api_key") == 1


def test_a_link_for_a_checkpoint_has_no_secret_parameter(server: Server) -> None:
    with _keyed(server.url) as calling:
        link = calling.public_url(f"/next?api_key={quote(PARAM, safe='')}&page=2")

    assert link == f"{server.url}/next?page=2"


def _armed(url: str) -> Client:
    return client(
        url,
        ctx=context(),
        headers={"Proxy-Authorization": f"Basic {BASIC}"},
        secret_headers={"Authorization": f"Bearer {HEADER}"},
        secret_params={"api_key": PARAM},
        limits=dataclasses.replace(HASTY, deadline=0.6),
    )


def _keyed(url: str) -> Client:
    return client(url, secret_headers={"Authorization": f"Bearer {HEADER}"}, secret_params={"api_key": PARAM})


def _told(calling: Client, method: str, path: str) -> str:
    """All that is told about a call: what came back, or how it failed."""
    body: dict[str, Any] = {"data": {"note": FORM, "more": BODY}} if method == "POST" else {}
    try:
        answer = calling.request(method, path, params={"q": QUERY}, headers={"X-Api-Key": CALL}, **body)
        said = repr(answer) + str(answer)
        answer.json()
    except IngestionError as error:
        return "".join(traceback.format_exception(error)) + repr(error) + str(error.args) + repr(vars(error))
    return said
