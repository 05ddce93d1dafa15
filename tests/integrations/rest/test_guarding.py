"""What a declaration from a connection's config cannot do: reach further than the credential says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ingestion import ConfigurationError, PrivateAddress, Secret
from integrations.rest import Rest
from integrations.rest.source import Configured
from tests.integrations.rest.configured import HOST, config, extract, preview
from tests.integrations.rest.worlds import World, context, reply

SECRET = 'Ks3/cret"+Word'
STORED = {"key": SECRET, "hosts": HOST}
BY_KEY = {"kind": "api_key", "place": "query", "name": "q"}


@pytest.mark.parametrize(
    ("hosts", "url", "goes"),
    [
        ("api.example.com", "https://api.example.com", True),
        ("api.example.com", "https://api.example.com:443", True),
        ("api.example.com", "http://api.example.com", False),
        ("api.example.com", "https://api.example.com:8443", False),
        ("api.example.com:8443", "https://api.example.com:8443", True),
        ("https://api.example.com:8443", "https://api.example.com", False),
        ("other.example, HTTP://API.example.com:8080/", "http://api.example.com:8080", True),
        ("http://api.example.com", "https://api.example.com", False),
        ("api.example.com:x", "https://api.example.com", False),
    ],
)
def test_a_credential_goes_to_whole_origins(hosts: str, url: str, goes: bool) -> None:
    world = World(lambda request: reply({"id": 1}))
    declared = config(base_url=url, auth={"kind": "bearer"})
    secret = {"token": "abcdef123456", "hosts": hosts}

    if goes:
        assert len(extract(world, declared, secret=secret)) == 1
    else:
        with pytest.raises(ConfigurationError, match="does not name"):
            extract(world, declared, secret=secret)
    assert len(world.asked) == goes


@pytest.mark.parametrize(
    "url", ["http://login.example.com/token", "https://login.example.com:8443/token", "https:///x", ""]
)
@pytest.mark.parametrize("kind", ["client_credentials", "refresh_token"])
def test_a_token_address_lies_on_an_origin_that_the_credential_names(url: str, kind: str) -> None:
    world = World(lambda request: reply({"access_token": "abcdef123456"}))
    secret = {"client_id": "me", "client_secret": SECRET, "refresh_token": "r0", "hosts": f"{HOST} login.example.com"}

    with pytest.raises(ConfigurationError, match="does not name"):
        extract(world, config(auth={"kind": kind, "token_url": url}), secret=secret)

    assert world.asked == []


@pytest.fixture(scope="module")
def inner() -> Iterator[str]:
    """A real server on a private address."""

    class Inner(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"id": 1}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Inner) as server:
        server.daemon_threads = False  # closing waits for them: later tests fork, and no thread may be left
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_allowed_private_network_is_open_to_a_config_only_where_the_credential_says_so(inner: str) -> None:
    declared = config(base_url=inner, auth={"kind": "none"})
    allowed = {"config": declared, "private_networks": ("127.0.0.0/8",), "integration": "shop"}

    for secret in ({}, {"secret": {"hosts": HOST}}, {"secret": {"hosts": "127.0.0.1"}}):
        for ask in (Configured().preview, Configured().test, lambda ctx: list(Configured().extract(ctx, None))):
            with pytest.raises(PrivateAddress, match="credential 'shop' must name"):
                ask(context(**allowed, **secret))

    assert len(list(Configured().extract(context(**allowed, secret={"hosts": inner}), None))) == 1
    assert len(list(Rest(base_url=inner, key="").extract(context(**allowed), None))) == 1


@pytest.mark.parametrize("ask", [extract, preview])
@pytest.mark.parametrize("auth", [{"kind": "none"}, {"kind": "api_key"}])
@pytest.mark.parametrize(
    "leave", [{}, {"hosts": HOST}, {"methods": "POST"}, {"methods": "POST", "hosts": "other.example"}]
)
def test_a_config_posts_only_where_the_credential_says_so(ask: Any, auth: Any, leave: Any) -> None:
    world = World(lambda request: reply({"id": 1}))
    declared = config(method="POST", auth=auth)

    with pytest.raises(ConfigurationError, match="methods=POST"):
        ask(world, declared, secret={"key": SECRET, **leave})
    with pytest.raises(ConfigurationError, match="methods=POST"):
        ask(world, declared)
    assert world.asked == []

    ask(world, declared, secret={**STORED, "methods": "post"})
    assert [request.method for request in world.asked] == ["POST"]


@pytest.mark.parametrize(
    "values",
    [
        {"headers": {"X-HTTP-Method-Override": "DELETE"}}, {"headers": {"X_Http_Method": "DELETE"}},
        {"headers": {"x-method-override": "PUT"}}, {"headers": {"X-Original-URL": "/admin"}}, {"params": {"_method": "DELETE"}},
        {"method": "POST", "body": {"_method": "DELETE"}}, {"auth": {"kind": "api_key", "name": "X-HTTP-Method-Override"}},
        {"auth": {"kind": "api_key", "name": "Host"}}, {"auth": {"kind": "api_key", "field": "client_secret"}},
        {"auth": {"kind": "bearer", "field": "refresh_token"}}, {"auth": {"kind": "bearer", "field": "hosts"}},
    ],
)  # fmt: skip
def test_a_config_makes_no_other_call_of_its_call(values: dict[str, Any]) -> None:
    world = World(lambda request: reply({"id": 1}))

    with pytest.raises(ConfigurationError, match=r"another call|cannot be set|not sent in this way"):
        Configured().check_config(config(**values))
    with pytest.raises(ConfigurationError):
        extract(world, config(**values), secret={**STORED, "client_secret": SECRET, "methods": "POST"})

    assert world.asked == []


def test_a_credential_may_say_how_it_is_sent() -> None:
    world = World(lambda request: reply({"id": 1}))
    secret = {**STORED, "auth": "api_key, header X-Api-Key"}

    for auth in (BY_KEY, {"kind": "bearer", "field": "key"}, {"kind": "api_key", "name": "X-Other"}):
        with pytest.raises(ConfigurationError, match="as its value `auth` says"):
            extract(world, config(auth=auth), secret=secret)
    assert world.asked == []
    assert len(extract(world, config(auth={"kind": "api_key"}), secret=secret)) == 1


def test_an_exchange_replaces_the_tokens_and_nothing_else() -> None:
    old = {
        "client_id": "me",
        "client_secret": SECRET,
        "refresh_token": "r0",
        "hosts": HOST,
        "methods": "POST",
        "other": "x",
    }
    given = {"access_token": "abcdef123456", "refresh_token": "r1", "expires_in": 60}
    evil = {
        "client_secret": "evil",
        "hosts": "evil.example",
        "methods": "",
        "auth": "",
        "other": "evil",
        "more": "evil",
    }
    world = World(lambda request: reply({**given, **evil} if request.method == "POST" else {"id": 1}))
    stored: list[Any] = []

    def exchange(used_up: Secret, ask: Callable[[Secret], Any]) -> Secret:
        stored.append(ask(used_up))
        return Secret(stored[-1], used_up.version + 1)

    declared = config(auth={"kind": "refresh_token", "token_url": f"https://{HOST}/token"})
    extract(world, declared, secret=old, exchange=exchange)

    (new,) = stored
    assert new.pop("expires_at").isdecimal()
    assert new == {**old, "access_token": "abcdef123456", "refresh_token": "r1"}
