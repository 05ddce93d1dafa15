"""Who is held off for an answer that says later, and whose host is named; each guard also where it does not hold."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from ingestion import HeldOff, SourceChanged
from integrations.http import Limits
from integrations.http.limits import DEFAULT
from integrations.http.status_mapping import status_error
from tests.integrations.http.callers import Told, client, context

LIMITS = Limits(attempts=2, backoff=0.1, backoff_cap=7.0, deadline=1000)


def throttled(url: str, **options: Any) -> HeldOff:
    """What a call ends with that is answered by 429, without a word of how long."""
    transport = httpx.MockTransport(lambda request: httpx.Response(429))
    hooks = {"transport": transport, "limits": LIMITS, "sleep": lambda seconds: None}
    with client("https://api.example.com", **hooks, **options) as calling, pytest.raises(HeldOff) as raised:
        calling.get(url, elsewhere=True)
    return raised.value


def test_everybody_waits_as_long_as_the_run_where_nothing_says_how_long() -> None:
    told = Told()

    error = throttled("/", told=told)

    assert (error.retry_after, error.host) == (7.0, "api.example.com")
    assert told.held_off == [0.1, 0.1, 7.0]


def test_another_origin_holds_nobody_off_from_this_one() -> None:
    told = Told()

    error = throttled("https://files.example.com/", told=told)

    assert (error.retry_after, error.host) == (None, "files.example.com")
    assert told.held_off == []


@pytest.mark.parametrize(("calls", "host"), [(0, ""), (1, "api.example.com")])
def test_a_host_is_named_for_the_wait_that_it_asked_for_and_not_for_one_that_was_there_before(
    calls: int, host: str
) -> None:
    taken: list[float] = []

    def throttle(weight: float) -> None:
        if len(taken) == calls:
            raise HeldOff("somebody asked for that")
        taken.append(weight)

    assert throttled("/", ctx=context(throttle=throttle)).host == host


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"code": "ThrottlingException"}', HeldOff),
        (403, b'{"message": "You exceeded the rate limit"}', HeldOff),
        (404, b'{"message": "There is no rate limit of that name"}', SourceChanged),
    ],
)
def test_words_of_a_limit_mean_later_only_where_access_is_refused(status: int, body: bytes, kind: type) -> None:
    assert type(status_error(status, {}, "GET /limits", DEFAULT, body)) is kind
