"""What Stripe is called with, and what its odd answers and refusals become."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import httpx
import pytest

from ingestion import (
    ConfigurationError,
    Context,
    CredentialError,
    Secret,
    SourceChanged,
    Transient,
)
from integrations.stripe import Stripe
from integrations.stripe.client import API_VERSION, open_api
from tests.integrations.stripe.account import Account, Once
from tests.integrations.stripe.reading import context


def test_a_wrong_key_is_the_credential_s_fault_and_appears_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    account = Account(key="sk_test_right")
    stripe = Stripe("charges", open=lambda ctx: open_api(
        dataclasses.replace(ctx, credential=lambda: Secret({"api_key": "sk_test_wrong"})),
        transport=httpx.MockTransport(account.answer),
    ))  # fmt: skip

    with pytest.raises(CredentialError) as caught:
        stripe.test(context(account))

    assert "sk_test_wrong" not in f"{caught.value!r} {caplog.text} {stripe!r}"


@pytest.mark.parametrize("values", [{}, {"api_key": " "}])
def test_a_credential_without_a_key_says_what_to_store(values: dict[str, str]) -> None:
    with (
        pytest.raises(CredentialError, match="api_key"),
        open_api(context(Account(), credential=lambda: Secret(values))),
    ):
        pass


@pytest.mark.parametrize("named", ["", "acct_2", "acct_10 acct_2"])
def test_an_account_that_the_credential_does_not_name_is_refused_before_stripe_is_called(named: str) -> None:
    answers = Answers()
    stripe, ctx = answers.source("charges", account="acct_1")
    ctx = dataclasses.replace(ctx, credential=lambda: Secret({"api_key": "sk_test_1", "accounts": named}))

    for read in (stripe.test, stripe.preview, lambda ctx: list(stripe.extract(ctx, None))):
        with pytest.raises(ConfigurationError, match='"accounts"'):
            read(ctx)
    assert not answers.requests


class Answers:
    """A transport with prepared answers; it keeps what it was asked."""

    def __init__(self, *answers: tuple[int, Any, dict[str, str]]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, body, headers = self.answers.pop(0)
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, stream=Once(raw), headers=headers)

    def source(self, kind: str, **config: Any) -> tuple[Stripe, Context]:
        ctx = context(
            Account(), credential=lambda: Secret({"api_key": "sk_test_1", "accounts": "acct_9"}), config=config
        )
        return Stripe(
            kind, open=lambda ctx: open_api(ctx, transport=httpx.MockTransport(self), sleep=lambda _: None)
        ), ctx


EMPTY = (200, {"object": "list", "data": [], "has_more": False}, {})


def test_every_call_names_version_key_account_and_run() -> None:
    answers = Answers(EMPTY)
    stripe, ctx = answers.source("charges", account="acct_9")

    list(stripe.extract(ctx, None))

    sent = answers.requests[0].headers
    assert sent["stripe-version"] == API_VERSION
    assert sent["authorization"] == "Bearer sk_test_1"
    assert sent["stripe-account"] == "acct_9"
    assert "acme:1:1" in sent.values()


def test_too_many_calls_are_repeated_which_stripe_s_library_does_not_do() -> None:
    answers = Answers((429, {"error": {"type": "rate_limit"}}, {"Retry-After": "2"}), (503, b"", {}), EMPTY)
    stripe, ctx = answers.source("charges")
    held: list[float] = []

    list(stripe.extract(dataclasses.replace(ctx, hold_off=held.append), None))

    assert len(answers.requests) == 3
    assert 2.0 in held


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            (400, {"error": {"type": "invalid_request_error", "code": "parameter_unknown", "message": "?"}}, {}),
            SourceChanged,
        ),
        ((402, {"error": {"type": "card_error", "message": "?"}}, {}), SourceChanged),
        ((404, b"not json", {}), SourceChanged),
        ((200, b"<html>", {}), SourceChanged),
        ((200, {"data": []}, {}), SourceChanged),
        ((200, {"data": [], "has_more": True}, {}), SourceChanged),
        ((403, {"error": {"type": "invalid_request_error", "message": "no right"}}, {}), CredentialError),
        ((301, b"", {"location": "https://elsewhere.example/"}), SourceChanged),
    ],
)
def test_odd_answers_end_in_the_class_of_who_must_act(answer: Any, error: type[Exception]) -> None:
    stripe, ctx = Answers(answer).source("charges")

    with pytest.raises(error):
        list(stripe.extract(ctx, None))


def test_a_source_that_stays_away_is_transient() -> None:
    stripe, ctx = Answers(*[(500, b"", {})] * 6).source("charges")

    with pytest.raises(Transient):
        list(stripe.extract(ctx, None))
