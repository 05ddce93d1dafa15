"""Refusals that are none of the credential's, and credentials that are refused once: whose turn it is to act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from ingestion import CredentialError, HeldOff, Transient
from ingestion.models import Tenant
from ingestion.vault import credentials
from integrations.http import Limits
from integrations.http.codes import says_later
from integrations.rest import Bearer, ClientCredentials, RefreshToken
from integrations.rest.session import Session, build_call
from tests.integrations.rest.clients import CLIENT, OK, TOKENS
from tests.integrations.rest.test_records import acme, connected, run
from tests.integrations.rest.worlds import WINDOW, World, context, read, reply, rest

__all__ = ["acme"]
PLAIN: dict[str, Any] = {"updated": "", "total": "", "pagination": {"style": "none"}}
LATER = [
    {"error": {"code": 403, "errors": [{"reason": "rateLimitExceeded"}], "message": "no"}},
    {"error": {"errors": [{"domain": "usageLimits", "reason": "userRateLimitExceeded"}]}},
    [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}],
    {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."},
    {"__type": "x", "code": "ThrottlingException"},
    {"error": "too_many_requests"},
]
NEVER: list[Any] = [
    {"error": {"code": 403, "errors": [{"reason": "insufficientPermissions"}]}},
    {"message": "Resource not accessible by integration", "note": "see our rate limits"},
    {"error": "forbidden", "data": {"reason": "rateLimitExceeded"}},
    [], {}, 5,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("body", LATER, ids=str)
@pytest.mark.django_db
def test_a_403_for_too_many_calls_is_tried_later_and_pauses_nothing(acme: Tenant, body: Any) -> None:
    connection = connected(acme, **PLAIN)

    made = run(connection, lambda request: reply(body, 403))

    connection.refresh_from_db()
    assert (made.state, made.error_class, connection.is_paused) == ("queued", "HeldOff", False)


@pytest.mark.parametrize("body", NEVER, ids=str)
def test_any_other_403_is_a_refused_credential(body: Any) -> None:
    with pytest.raises(CredentialError):
        read(rest(), World(lambda request: reply(body, 403)))


def test_what_is_no_json_says_nothing_about_limits() -> None:
    assert [says_later(body) for body in (b"", b"<html>rate limit", b"\xff", b"[" * 9999, b'{"a":"rate limit"}')] == [
        False
    ] * 5


@pytest.mark.parametrize("refusals", [1, 2])
@pytest.mark.django_db
def test_a_credential_is_asked_with_once_more_before_its_connection_is_paused(acme: Tenant, refusals: int) -> None:
    credentials.put(acme.ref, "rest", {"token": "Kx73cretWord", "hosts": "api.example.com"}, cause="set")
    connection = connected(acme, auth={"kind": "bearer"}, **PLAIN)
    statuses = iter([401] * refusals + [200] * 9)

    made = run(connection, lambda request: reply(OK, next(statuses)))

    connection.refresh_from_db()
    assert (made.state, connection.is_paused) == (("succeeded", False) if refusals == 1 else ("failed", True))


def test_a_refused_page_is_asked_for_twice_and_not_more() -> None:
    world = World(lambda request: reply({}, 401))

    with pytest.raises(CredentialError):
        read(rest(auth=Bearer()), world, secret={"token": "abc"})

    assert len(world.asked) == 2


AUTHS = [ClientCredentials(token_url=TOKENS), RefreshToken(token_url=TOKENS)]


def answering(body: Any, status: int) -> World:
    def answer(request: httpx.Request) -> httpx.Response:
        return reply(body, status) if request.url.host == "login.example.com" else reply(OK)

    return World(answer)


@pytest.mark.parametrize("auth", AUTHS, ids=str)
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (
            {"error": "bad_refresh_token", "error_description": "The token passed is incorrect"},
            CredentialError,
            "bad_refresh_token",
        ),
        ({"error": "invalid_grant"}, CredentialError, "invalid_grant"),
        ({"error": {"code": "consent_required"}}, CredentialError, "consent_required"),
        ({"error": "r3fr3sh-me"}, CredentialError, "status"),
        ({"error": "s3cret"}, CredentialError, "status"),
        ({"error": "The token " + "x" * 900}, CredentialError, "status"),
        ({"error": "temporarily_unavailable"}, Transient, "temporarily_unavailable"),
        ({"error": "slow_down"}, HeldOff, "slow_down"),
    ],
)
def test_a_token_address_s_error_is_told_with_its_code(
    auth: Any, status: int, body: Any, error: type[Exception], words: str
) -> None:
    held: list[float] = []
    secret = {**CLIENT, "refresh_token": "r3fr3sh-me"}
    with pytest.raises(error, match=words) as raised:
        read(rest(auth=auth), answering(body, status), secret=secret, hold_off=held.append)

    assert held == ([30] if error is HeldOff else [])
    assert "r3fr3sh" not in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_connection_reaches_back_for_a_clock_that_is_behind() -> None:
    declared = rest(params={"since": "{window.start:seconds}", "until": "{window.end:seconds}"}, lookback=900)

    live, shard = build_call(declared, context()), build_call(declared, context(backfill=True))

    assert int(shard.params["since"]) - int(live.params["since"]) == 900
    assert live.params["until"] == shard.params["until"]
    assert int(shard.params["since"]) == int((WINDOW.start - timedelta(0)).timestamp())


@pytest.mark.parametrize(("timeout", "read_seconds", "deadline"), [(30, 30, 120), (60, 60, 240), (5, 5, 120)])
def test_a_connection_waits_as_long_as_it_says(timeout: int, read_seconds: float, deadline: float) -> None:
    seen: list[Limits] = []

    def connect(ctx: Any, origin: str, **options: Any) -> Any:
        seen.append(options["limits"])
        return World(lambda request: reply(OK)).connect(ctx, origin, **options)

    declared = rest(timeout=timeout)
    with Session(declared, context(), connect) as session:
        session.fetch(session.call)

    assert (seen[0].read, seen[0].deadline) == (read_seconds, deadline)


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"timeout": 601}, {"lookback": -1}, {"lookback": 10**9}, {"error_budget": {"ratio": 2}},
     {"error_budget": {"at_least": 0}}, {"concurrency": 9}, {"concurrency": 2}, {"charset": "zip"}, {"key": ["id"]},
     {"key": ["a", "a"]}, {"empty": ["none"]}, {"signals": [{"at": "$..ok"}]}, {"signals": [{}]},
     {"pagination": {"style": "cursor", "more_values": []}}],
    ids=str,
)  # fmt: skip
def test_limits_of_a_connection_are_checked(wrong: dict[str, Any]) -> None:
    from ingestion import ConfigurationError
    from integrations.rest import Rest

    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Rest.from_json({"base_url": "https://api.example.com", **wrong})
