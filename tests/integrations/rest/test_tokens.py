"""Tokens: asked for once a run, renewed in the middle, rotated and stored before use."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from ingestion import Context, CredentialError, Secret, SourceChanged, Transient, redaction
from integrations.rest import ApiKey, ClientCredentials, NextUrl, RefreshToken
from tests.integrations.rest.clients import CLIENT, OK, TOKENS
from tests.integrations.rest.worlds import World, context, ids, read, reply, rest


@dataclass
class Provider:
    """An OAuth server and the source behind it. Tokens end after `good_for` uses; refresh tokens rotate."""

    good_for: int = 10**9
    rotates: bool = True
    expires_in: Any = 3600
    refresh: str = "r0"
    access: str = "a0"
    uses: int = 0
    given: int = 0
    refused: int = 0
    revoked: bool = False
    fail: list[httpx.Response] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self.lock:
            return self._token(request) if request.url.host == "login.example.com" else self._page(request)

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        self.forms.append(form)
        if self.fail:
            return self.fail.pop(0)
        refresh = form.get("refresh_token")
        if self.revoked or (form["grant_type"] == "refresh_token" and refresh != self.refresh):
            self.refused += 1
            return reply({"error": "invalid_grant", "error_description": f"{refresh} s3cret"}, 400)
        self.given += 1
        self.uses, self.access = 0, f"a{self.given}"
        answer: dict[str, Any] = {"access_token": self.access, "token_type": "bearer", "expires_in": self.expires_in}
        if form["grant_type"] == "refresh_token" and self.rotates:
            self.refresh = answer["refresh_token"] = f"r{self.given}"
        return reply(answer)

    def _page(self, request: httpx.Request) -> httpx.Response:
        self.uses += 1
        if request.headers.get("authorization") != f"Bearer {self.access}" or self.uses > self.good_for:
            return reply({"error": "expired"}, 401)
        number = int(request.url.params.get("page", 1))
        return reply({"data": [{"id": number}], "next": f"?page={number + 1}" if number < 6 else None})


@dataclass
class Vault:
    """What the engine's vault promises: one exchanges, its result is stored before anybody uses it, the others get it."""

    secret: Secret
    exchanges: int = 0
    lock: Any = field(default_factory=threading.Lock)

    def credential(self) -> Secret:
        return self.secret

    def exchange(self, used_up: Secret, ask: Callable[[Secret], Mapping[str, str]]) -> Secret:
        with self.lock:
            if self.secret.version == used_up.version:
                self.exchanges += 1
                self.secret = Secret(ask(used_up), used_up.version + 1)
            return self.secret

    def context(self) -> Context:
        return context(credential=self.credential, exchange=self.exchange, integration="shop")


def by_client(provider: Provider, **auth: Any) -> list[str]:
    declared = rest(pagination=NextUrl(), auth=ClientCredentials(token_url=TOKENS, **auth))
    return ids(read(declared, World(provider), secret=CLIENT))


def by_refresh(provider: Provider, vault: Vault) -> list[str]:
    declared = rest(pagination=NextUrl(), auth=RefreshToken(token_url=TOKENS))
    return ids(list(declared.through(World(provider).connect).extract(vault.context(), None)))


def refreshing(**values: str) -> Vault:
    return Vault(Secret({**CLIENT, "refresh_token": "r0", **values}, 1))


def test_client_credentials_ask_once_a_run() -> None:
    provider = Provider()

    assert by_client(provider, scope="read", audience="shop") == ["1", "2", "3", "4", "5", "6"]

    assert provider.forms == [{"grant_type": "client_credentials", "scope": "read", "audience": "shop"}]


def test_a_token_of_one_run_is_masked_from_then_on() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return reply({"access_token": "t0k3n-of-a-run"} if request.url.host == "login.example.com" else OK)

    try:
        read(rest(auth=ClientCredentials(token_url=TOKENS)), World(answer), secret=CLIENT)
        assert redaction.mask("Bearer t0k3n-of-a-run") == "Bearer [secret]"
    finally:
        redaction.forget()


def test_client_credentials_may_be_sent_in_the_body() -> None:
    provider = Provider()

    by_client(provider, client_auth="body")

    assert provider.forms[0]["client_secret"] == "s3cret"


def test_a_token_that_ends_in_the_middle_is_asked_for_again() -> None:
    provider = Provider(good_for=2)

    assert by_client(provider) == ["1", "2", "3", "4", "5", "6"]

    assert provider.given == 3


def test_a_source_that_refuses_every_token_gets_two_tries() -> None:
    provider = Provider(good_for=0)

    with pytest.raises(CredentialError, match="401"):
        by_client(provider)

    assert (provider.given, provider.uses) == (2, 1)


def test_a_rotated_refresh_token_is_stored_before_the_new_access_token_is_used() -> None:
    provider, vault = Provider(good_for=2), refreshing()

    assert by_refresh(provider, vault) == ["1", "2", "3", "4", "5", "6"]

    assert vault.secret.values["refresh_token"] == provider.refresh == "r3"
    assert vault.secret.values["access_token"] == provider.access
    assert int(vault.secret.values["expires_at"]) > 10**9
    assert vault.secret.values["client_id"] == "me"


def test_a_stored_access_token_is_used_until_it_ends() -> None:
    provider = Provider(access="a0")

    by_refresh(provider, refreshing(access_token="a0"))
    assert provider.given == 0
    by_refresh(provider, refreshing(access_token="a0", expires_at="1000000000"))
    assert provider.given == 1


def test_a_source_that_keeps_its_refresh_token_is_served_too() -> None:
    provider, vault = Provider(good_for=2, rotates=False), refreshing()

    assert len(by_refresh(provider, vault)) == 6
    assert vault.secret.values["refresh_token"] == "r0"


def test_a_revoked_refresh_token_is_a_credential_error_that_shows_nothing() -> None:
    provider = Provider(revoked=True)

    with pytest.raises(CredentialError, match="invalid_grant") as refused:
        by_refresh(provider, refreshing())

    assert "s3cret" not in str(refused.value)
    assert "r0" not in str(refused.value)


def test_two_workers_at_once_exchange_one_token_once() -> None:
    provider, vault = Provider(), refreshing()
    found: list[Any] = []
    gate = threading.Barrier(4)

    def work() -> None:
        gate.wait()
        try:
            found.append(by_refresh(provider, vault))
        except Exception as error:
            found.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert found == [["1", "2", "3", "4", "5", "6"]] * 4
    assert (provider.given, provider.refused, vault.exchanges) == (1, 0, 1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: reply({}, 500), Transient),
        (lambda: reply({}, 429), Transient),
        (lambda: reply(b"<html>"), SourceChanged),
        (lambda: reply({"token": "x"}), SourceChanged),
        (lambda: reply([1]), SourceChanged),
        (lambda: reply({"access_token": ""}), SourceChanged),
        (lambda: reply({"access_token": "a\r\nX-Evil: 1"}), SourceChanged),
        (lambda: reply({"error": "<script>s3cret"}, 400), CredentialError),
        (lambda: reply({"error": "invalid_client"}, 401), CredentialError),
    ],
)
@pytest.mark.parametrize("kind", ["client", "refresh"])
def test_a_bad_token_answer_ends_in_a_named_error(answer: Any, error: type[Exception], kind: str) -> None:
    provider, vault = Provider(fail=[answer() for _ in range(10)]), refreshing()

    with pytest.raises(error) as raised:
        by_client(provider) if kind == "client" else by_refresh(provider, vault)

    assert "s3cret" not in str(raised.value)
    assert vault.secret.version == 1


def test_a_refresh_is_asked_once_because_its_lost_answer_may_have_used_the_token_up() -> None:
    provider = Provider(fail=[reply({}, 500) for _ in range(10)])

    with pytest.raises(Transient):
        by_refresh(provider, refreshing())

    assert len(provider.forms) == 1


@pytest.mark.parametrize("seconds", [None, "3600", 0, -5, "soon", 10**12, 1e400, [], True])
def test_a_senseless_lifetime_does_no_harm(seconds: Any) -> None:
    provider = Provider()
    provider.expires_in = seconds if seconds != 1e400 else "1e400"

    assert len(by_refresh(provider, refreshing())) == 6


def test_no_secret_is_in_a_log_line_an_error_or_a_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    provider, vault = Provider(good_for=1), refreshing()
    by_refresh(provider, vault)
    with pytest.raises(Exception) as raised:  # noqa: PT011  whatever it is
        read(
            rest(auth=ApiKey(name="k", place="query")), World(lambda request: reply({}, 403)), secret={"key": "s3cret"}
        )

    said = caplog.text + repr(raised.value) + repr(vault.context()) + repr(rest(auth=RefreshToken(token_url=TOKENS)))
    for secret in ("s3cret", "r0", "a0", provider.refresh, provider.access):
        assert f"{secret}" not in said.replace(vault.context().tenant.key, "")
