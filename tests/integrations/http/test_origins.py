"""Credentials go to the client's own origin; other origins are not called, or without them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from ingestion import SourceChanged
from integrations.http.urls import absolute_url, parse_base_url
from tests.integrations.http.callers import client
from tests.integrations.http.faults import FAULTS
from tests.integrations.http.server import Server, serving


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Server, Server]]:
    with serving(FAULTS) as own, serving(FAULTS) as other:
        yield own, other


OTHERS = [
    "https://api.example.com.evil.example",
    "https://evil.example",
    "https://api.example.com:8443/v1",
    "http://api.example.com:443/v1",
    "//evil.example/v1",
    "https://sub.api.example.com",
    "https://api.example.com./v1",
    "\\\\evil.example/v1",
    "https:\\\\evil.example",
    "https://api.example.com\\@evil.example",
    "https://api.example.com@evil.example",
    "https:///evil.example",
    "javascript:alert(1)",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("link", OTHERS)
def test_a_link_to_another_origin_is_not_called(link: str) -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    calling = client(
        "https://api.example.com", secret_headers={"X-Api-Key": "k3y"}, transport=httpx.MockTransport(answer)
    )
    try:
        calling.get(link)
    except SourceChanged:
        assert sent == []
    else:  # read as a path of our own: then it went nowhere else
        assert [one.url.host for one in sent] == ["api.example.com"]


@pytest.mark.parametrize(
    ("link", "called"),
    [
        ("charges", "https://api.example.com/v1/charges"),
        ("/v2/charges", "https://api.example.com/v2/charges"),
        ("?page=2", "https://api.example.com/v1/?page=2"),
        ("https://api.example.com/v1/charges?page=2", "https://api.example.com/v1/charges?page=2"),
        ("https://API.example.com:443/v1/x", "https://api.example.com/v1/x"),
        ("http://api.example.com/v1/x", "https://api.example.com/v1/x"),
        ("charges#part", "https://api.example.com/v1/charges"),
        ("", "https://api.example.com/v1/"),
    ],
)
def test_a_link_of_our_own_is_called(link: str, called: str) -> None:
    assert str(absolute_url(parse_base_url("https://api.example.com/v1"), link)) == called


def test_another_origin_gets_no_credential(two: tuple[Server, Server]) -> None:
    own, other = two
    with client(
        own.url,
        headers={"Cookie": "session=1", "X-Shop": "9"},
        secret_headers={"Authorization": "Bearer t0ken", "X-Api-Key": "k3y"},
        secret_params={"api_key": "k3y"},
    ) as calling:
        calling.get(f"{other.url}/ok/file", headers={"X-Auth-Token": "t0ken", "Range": "bytes=0-9"}, elsewhere=True)
        calling.get("/ok/own")

    (foreign,) = other.requests
    assert b"t0ken" not in foreign.raw
    assert b"k3y" not in foreign.raw
    assert b"session" not in foreign.raw
    assert foreign.headers["range"] == "bytes=0-9"
    assert own.requests[-1].headers["authorization"] == "Bearer t0ken"
    assert own.requests[-1].path == "/ok/own?api_key=k3y"


def test_a_redirect_keeps_credentials_at_home(two: tuple[Server, Server]) -> None:
    _, other = two
    count = len(other.requests)
    with (
        serving({"away": lambda on: on.answer(302, b"", f"Location: {other.url}/ok")}) as sending,
        client(sending.url, secret_headers={"X-Api-Key": "k3y"}) as calling,
        pytest.raises(SourceChanged),
    ):
        calling.get("/away")

    assert len(other.requests) == count


def test_a_redirect_on_the_same_origin_carries_them_along(two: tuple[Server, Server]) -> None:
    own, _ = two
    with client(own.url, secret_headers={"X-Api-Key": "k3y"}, secret_params={"token": "t0ken"}) as calling:
        answer = calling.get("/moved/along")

    assert own.requests[-1].headers["x-api-key"] == "k3y"
    assert own.requests[-1].path == "/ok?token=t0ken"
    assert answer.url == f"{own.url}/ok"


def test_cookies_are_not_kept(two: tuple[Server, Server]) -> None:
    baked = {"in": lambda on: on.answer(200, b"", "Set-Cookie: session=1; Path=/")}
    with serving(baked) as baking, client(baking.url) as calling:
        calling.get("/in")
        calling.get("/in")

    assert [one for one in baking.requests if "cookie" in one.headers] == []


def test_parameters_are_added_to_those_of_the_link() -> None:
    sent: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(str(request.url))
        return httpx.Response(200, json=[])

    with client("https://api.example.com", transport=httpx.MockTransport(answer)) as calling:
        calling.get("/v1/charges?limit=3", params={"after": "a&b", "limit": 5})

    assert sent == ["https://api.example.com/v1/charges?limit=5&after=a%26b"]
