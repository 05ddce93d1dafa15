"""No spelling of a private address leads anywhere: asserted where sockets connect."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpcore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion import ConfigurationError, PrivateAddress, SourceChanged, Transient
from integrations.http.addresses import is_public, system_resolver
from integrations.http.network import GuardedBackend
from integrations.http.transport import PooledTransport, trusted_certificates
from tests.integrations.http.callers import HASTY, client, context
from tests.integrations.http.faults import FAULTS, redirect
from tests.integrations.http.server import Server, serving
from tests.integrations.http.sockets import connections
from tests.integrations.http.spellings import SPELLINGS

QUICK = dataclasses.replace(HASTY, connect=0.3, deadline=0.5, attempts=2)
ANSWERS = {
    "private": ["10.1.2.3"],
    "loopback": ["127.0.0.1"],
    "metadata": ["169.254.169.254"],
    "public before private": ["93.184.216.34", "127.0.0.1"],
    "private before public": ["127.0.0.1", "93.184.216.34"],
    "public IPv4 with private IPv6": ["93.184.216.34", "fd00::1"],
    "public IPv6 with private IPv4": ["2606:2800:220:1::1", "192.168.0.1"],
    "mapped": ["::ffff:10.0.0.1"],
    "NAT64 of a public one": ["64:ff9b::5db8:d822"],
    "6to4": ["2002:5db8:d822::1"],
    "Teredo": ["2001:0:5db8:d822::1"],
    "scoped": ["fe80::1%2"],
    "multicast": ["224.0.0.251"],
    "last of many": [*(f"93.184.216.{number}" for number in range(30)), "0.0.0.0"],
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    faults = {**FAULTS, "inside": redirect("http://169.254.169.254/latest")}
    with serving(faults) as running:
        yield running


def test_there_are_enough_of_them() -> None:
    assert len(SPELLINGS) == len(set(SPELLINGS)) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_is_connected_to(host: str, scheme: str) -> None:
    with connections() as seen, pytest.raises((ConfigurationError, Transient)):
        _ask(f"{scheme}://{host}")

    assert seen == []


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_link_leads_to_one(host: str) -> None:
    with (
        connections() as seen,
        client("https://api.example.com", ctx=context(networks=()), limits=QUICK, resolver=offline) as calling,
        pytest.raises((ConfigurationError, SourceChanged, Transient)),
    ):
        calling.get(f"http://{host}/latest", elsewhere=True)

    assert seen == []


def test_plain_spellings_are_named_as_what_they_are() -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f.1", "localhost", "169.254.169.254", "[::1]", "[::ffff:7f00:1]"):
        with pytest.raises(PrivateAddress, match="the standalone project: the variable PRIVATE_NETWORKS"):
            _ask(f"https://{host}")


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
def test_one_private_address_condemns_what_the_name_leads_to(answer: list[str]) -> None:
    with connections() as seen, pytest.raises(PrivateAddress, match=r"api\.example\.com"):
        _ask("https://api.example.com", resolver=lambda host, port: answer)

    assert seen == []


def test_where_a_name_leads_inside_is_in_our_log_and_not_in_the_message(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(PrivateAddress, match=r"^api\.example\.com leads to an address that is not public") as refusal:
        _ask("https://api.example.com", resolver=lambda host, port: ["10.9.8.7"])

    assert "10.9.8.7" not in str(refusal.value)
    (line,) = (record for record in caplog.records if getattr(record, "event", "") == "private_address")
    assert line.getMessage() == "api.example.com leads to 10.9.8.7, not a public address."


def test_a_name_that_changes_its_mind_is_connected_to_at_the_address_that_was_checked() -> None:
    answers = iter([["127.0.0.2"], *[["127.0.0.1"]] * 10])

    with connections() as seen, pytest.raises(PrivateAddress):
        _ask("https://rebinding.example.com:1", resolver=lambda host, port: next(answers), networks=("127.0.0.2/32",))

    assert [address[:2] for address in seen] == [("127.0.0.2", 1)]


def test_the_host_name_never_reaches_the_socket() -> None:
    with connections() as seen, pytest.raises(Transient):
        _ask("https://localhost:1", resolver=lambda host, port: ["127.0.0.2"], networks=("127.0.0.2/32",))

    assert {address[:2] for address in seen} == {("127.0.0.2", 1)}


def test_a_redirect_inside_is_not_followed(server: Server) -> None:
    with connections() as seen, client(server.url) as calling, pytest.raises(SourceChanged):
        calling.get("/inside")

    assert {address[:2] for address in seen} == {("127.0.0.1", server.port)}


def test_a_listed_network_may_be_called(server: Server) -> None:
    with client(server.url, ctx=context(networks=("127.0.0.0/8",))) as calling:
        assert calling.get("/ok").status == 200


def test_listing_one_network_allows_no_other(server: Server) -> None:
    with connections() as seen, pytest.raises(PrivateAddress):
        _ask(server.url, networks=("10.0.0.0/8", "fd00::/8"))

    assert seen == []


def test_a_listed_network_is_not_entered_in_disguise() -> None:
    with connections() as seen, pytest.raises(PrivateAddress):
        _ask("https://[::ffff:127.0.0.1]", networks=("127.0.0.0/8",))

    assert seen == []


def test_a_public_host_is_not_called_without_encryption() -> None:
    with connections() as seen, pytest.raises(ConfigurationError, match="https://"):
        _ask("http://api.example.com", resolver=lambda host, port: ["93.184.216.34"])

    assert seen == []


@pytest.mark.parametrize(("url", "plain"), [("http://api.example.com", True), ("https://api.example.com", False)])
def test_a_public_host_is_connected_to_at_the_checked_address(url: str, plain: bool) -> None:
    wire = Wire()
    guarded = PooledTransport(GuardedBackend(lambda host, port: ["93.184.216.34"], (), wire), trusted_certificates())

    with pytest.raises(Transient):
        _ask(url, transport=guarded, plain_http=plain)

    assert {host for host, _ in wire.asked} == {"93.184.216.34"}


class Wire(httpcore.MockBackend):
    """Reaches nobody, and remembers whom it was asked for."""

    def __init__(self) -> None:
        super().__init__([])
        self.asked: list[tuple[str, int]] = []

    def connect_tcp(self, host: str, port: int, *rest: Any, **options: Any) -> httpcore.NetworkStream:
        self.asked.append((host, port))
        raise httpcore.ConnectError


@pytest.mark.parametrize("scheme", ["ftp", "file", "gopher", "unix", "", "javascript"])
def test_only_http_is_spoken(scheme: str) -> None:
    with pytest.raises(ConfigurationError, match="https://host"):
        client(f"{scheme}://api.example.com")


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as raised:
        client("https://user:hunter2@api.example.com")

    assert "hunter2" not in str(raised.value)


def test_the_proxy_of_the_environment_is_not_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with client(server.url) as calling:
        assert calling.get("/ok").status == 200


def test_the_next_address_is_tried_when_the_first_is_dead(server: Server) -> None:
    both = ["127.0.0.2", "127.0.0.1"]

    with connections() as seen, client(f"http://db.local:{server.port}", resolver=lambda host, port: both) as calling:
        assert calling.get("/ok").status == 200

    assert [address[0] for address in seen] == both
    assert server.requests[-1].headers["host"] == f"db.local:{server.port}"


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_no_ipv6_form_of_an_ipv4_address_is_public(address: IPv4Address) -> None:
    number = int(address)
    forms = [
        number,
        0xFFFF << 32 | number,
        0xFFFF << 48 | number,
        0x0064FF9B << 96 | number,
        0x0064FF9B0001 << 80 | number,
        0x2002 << 112 | number << 80,
        0x20010000 << 96 | number << 64,
        0x20010000 << 96 | (number ^ 0xFFFFFFFF),
        0x2600 << 112 | 0x5EFE << 32 | number,
    ]

    assert [form for form in forms if is_public(IPv6Address(form))] == []


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
@pytest.mark.slow
def test_what_is_public_is_global_and_unicast(address: IPv4Address | IPv6Address) -> None:
    if is_public(address):
        assert address.is_global
        assert not any((address.is_multicast, address.is_reserved, address.is_link_local))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "54.187.174.169", "2606:4700::6810:1", "2a00:1450:4001::1"]
)
def test_public_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_a_name_server_that_hangs_does_not_hold_the_call() -> None:
    with pytest.raises(Transient, match="no connection in time"):
        _ask("https://api.example.com", resolver=_hanging)


def _hanging(host: str, port: int) -> list[str]:
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(2)
        try:
            left.recv(1)
        except TimeoutError:
            return []
    return []


def offline(host: str, port: int) -> list[str]:
    """The operating system's own reading of numbers and of the names it has for itself, without any name server."""
    if host.rstrip(".").lower() in ("localhost", "localhost.localdomain", "ip6-localhost"):
        return system_resolver("localhost", port)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(address[0]) for *_, address in found]


def _ask(origin: str, *, networks: tuple[str, ...] = (), **options: object) -> None:
    with client(origin, ctx=context(networks=networks), **{"limits": QUICK, "resolver": offline, **options}) as calling:
        calling.get("/")
