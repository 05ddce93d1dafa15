"""Who asks: every kind of fixed proof, kept nowhere, and sent only where its credential says."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from ingestion import ConfigurationError, CredentialError
from integrations.rest import ApiKey, Basic, Bearer, ClientCredentials, LinkHeader, NextUrl, Rest
from integrations.rest.source import Configured
from tests.integrations.rest.clients import CLIENT, OK, TOKENS
from tests.integrations.rest.worlds import World, context, ids, read, reply, rest


def asked_with(declared: Rest, secret: Mapping[str, str]) -> httpx.Request:
    world = World(lambda request: reply(OK))
    read(declared, world, secret=secret)
    return world.asked[0]


def test_a_bearer_token_goes_in_the_header() -> None:
    request = asked_with(rest(auth=Bearer(scheme="Token")), {"token": "abc"})

    assert request.headers["authorization"] == "Token abc"


def test_basic_is_user_name_and_password() -> None:
    request = asked_with(rest(auth=Basic()), {"username": "ann", "password": "pä:ss"})

    assert base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode() == "ann:pä:ss"


def test_an_api_key_goes_in_a_header_or_the_query() -> None:
    header = asked_with(rest(auth=ApiKey()), {"key": "abc"})
    query = asked_with(rest(auth=ApiKey(name="api_key", place="query")), {"key": "abc"})

    assert header.headers["x-api-key"] == "abc"
    assert query.url.params["api_key"] == "abc"


@pytest.mark.parametrize("name", ["X-Request-Id", "host", "CONTENT-LENGTH"])
def test_an_api_key_goes_in_no_header_that_the_call_has_of_its_own(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name the one that the source reads"):
        ApiKey(name=name)
    assert ApiKey(name=name, place="query").name == name


@pytest.mark.parametrize("auth", [Bearer(), Basic(), ApiKey(), ClientCredentials(token_url=TOKENS)])
def test_a_credential_without_the_field_is_a_credential_error(auth: Any) -> None:
    with pytest.raises(CredentialError, match="store it"):
        read(rest(auth=auth), World(lambda request: reply(OK)), secret={"other": "x"})


def test_no_credential_is_a_credential_error() -> None:
    with pytest.raises(CredentialError, match="No credential"):
        read(rest(auth=Bearer()), World(lambda request: reply(OK)))


@pytest.mark.parametrize("pagination", [NextUrl(), LinkHeader()])
def test_a_key_that_the_source_repeats_in_its_next_address_is_kept_nowhere(pagination: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        last = "page" in request.url.params
        after = "https://api.example.com/things?page=2&api_key=s3cret"
        return reply({**OK, "next": None if last else after}, **({} if last else {"link": f'<{after}>; rel="next"'}))

    world = World(answer)
    pages = read(
        rest(auth=ApiKey(name="api_key", place="query"), pagination=pagination), world, secret={"key": "s3cret"}
    )

    assert "s3cret" not in repr(pages)
    assert world.asked[1].url.params.get_list("api_key") == ["s3cret"]


def test_a_credential_goes_only_where_it_says() -> None:
    bound = {"token": "abc", "hosts": "other.example.com, api.example.net"}
    world = World(lambda request: reply(OK))

    with pytest.raises(ConfigurationError, match=r"api\.example\.com"):
        read(rest(auth=Bearer()), world, secret=bound)
    with pytest.raises(ConfigurationError, match=r"login\.example\.com"):
        read(rest(auth=ClientCredentials(token_url=TOKENS)), world, secret={**CLIENT, "hosts": "api.example.com"})

    assert world.asked == []


def test_what_staff_declare_needs_a_credential_that_names_its_hosts() -> None:
    world = World(lambda request: reply(OK))
    declared = rest(auth=Bearer()).untrusted().through(world.connect)

    with pytest.raises(ConfigurationError, match="hosts"):
        list(declared.extract(context(secret={"token": "abc"}), None))
    assert ids(list(declared.extract(context(secret={"token": "abc", "hosts": "api.example.com"}), None))) == ["1"]


def test_a_connection_s_declaration_is_never_trusted_with_a_credential() -> None:
    world = World(lambda request: reply(OK))
    config = {"rest": {"base_url": "https://evil.example.net", "records": "$.data[*]", "auth": {"kind": "bearer"}}}
    source = Configured(world.connect)

    for secret in ({"token": "abc"}, {"token": "abc", "hosts": "api.example.com"}):
        for ask in (source.test, source.preview, lambda ctx: list(source.extract(ctx, None))):
            with pytest.raises(ConfigurationError, match="hosts"):
                ask(context(config=config, secret=secret))

    assert world.asked == []
