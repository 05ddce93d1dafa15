"""Certificates are always checked, for the name that was asked for, on the address that was checked."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator

import pytest
import trustme

from ingestion import SourceChanged, Transient
from integrations.http.transport import trusted_certificates
from tests.integrations.http.callers import HASTY, HELD_UP, client
from tests.integrations.http.faults import FAULTS
from tests.integrations.http.server import Server, serving

AUTHORITY = trustme.CA()
HOST = "api.example.com"


def certificate(issued: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(context)
    return context


def knowing(*authorities: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for authority in authorities:
        authority.configure_trust(context)
    return context


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(FAULTS, certificate(AUTHORITY.issue_cert(HOST))) as running:
        yield running


def at_home(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_a_host_is_checked_by_its_name_although_it_is_reached_by_its_address(server: Server) -> None:
    names: list[str | None] = []
    assert server.tls is not None
    server.tls.sni_callback = lambda connection, name, context: names.append(name)

    with client(f"https://{HOST}:{server.port}", resolver=at_home, certificates=lambda: knowing(AUTHORITY)) as calling:
        assert calling.get("/ok").json() == {"ok": True}

    assert names == [HOST]
    assert server.requests[-1].headers["host"] == f"{HOST}:{server.port}"


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(server: Server) -> None:
    before = len(server.requests), server.connections

    with (
        client(f"https://{HOST}:{server.port}", resolver=at_home, secret_headers={"X-Key": "k3y"}) as calling,
        pytest.raises(SourceChanged, match=r"certificate of api\.example\.com is not valid"),
    ):
        calling.get("/ok")

    assert (len(server.requests), server.connections) == (before[0], before[1] + 1)


def test_a_self_signed_certificate_is_refused_at_once() -> None:
    other = trustme.CA()
    with (
        serving(FAULTS, certificate(other.issue_cert(HOST))) as running,
        client(f"https://{HOST}:{running.port}", resolver=at_home, certificates=lambda: knowing(AUTHORITY)) as calling,
        pytest.raises(SourceChanged, match="nothing was sent"),
    ):
        calling.get("/ok")

    assert running.requests == []


def test_a_certificate_of_another_name_is_refused(server: Server) -> None:
    with (
        client(
            f"https://other.example.com:{server.port}", resolver=at_home, certificates=lambda: knowing(AUTHORITY)
        ) as calling,
        pytest.raises(SourceChanged, match="Hostname mismatch"),
    ):
        calling.get("/ok")


@pytest.mark.slow
def test_a_port_that_speaks_no_tls_is_a_network_failure() -> None:
    with (
        serving(FAULTS) as plain,
        client(f"https://{HOST}:{plain.port}", resolver=at_home) as calling,
        pytest.raises(Transient),
    ):
        calling.get("/ok")


@pytest.mark.slow
def test_a_handshake_that_never_ends_keeps_to_the_deadline() -> None:
    started = time.monotonic()
    with (
        serving({}) as mute,
        client(f"https://{HOST}:{mute.port}", resolver=at_home) as calling,
        pytest.raises(Transient),
    ):
        calling.get("/ok")

    assert time.monotonic() - started <= HASTY.deadline + HELD_UP


def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    context = trusted_certificates()

    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.slow
def test_slow_answers_over_tls_keep_to_the_deadline_too(server: Server) -> None:
    started = time.monotonic()
    with (
        client(f"https://{HOST}:{server.port}", resolver=at_home, certificates=lambda: knowing(AUTHORITY)) as calling,
        pytest.raises(Transient, match=r"Limits\.deadline"),
    ):
        calling.get("/slow-drip/tls")

    assert time.monotonic() - started <= HASTY.deadline + HELD_UP
