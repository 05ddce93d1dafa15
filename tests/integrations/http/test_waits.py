"""How long a source asks us to wait, in all the ways it may say so."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from integrations.http.retry_after import exhausted_for, retry_after

NOW = "Wed, 25 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("1.5", 1.5),
        ("1000000000", 3600),
        ("1000000001", 0),
        ("1795608090", 90),
        ("1795608090.5", 90.5),
        ("1795608090000", 90),
        ("1795600000", 0),
        ("9" * 19, 3600),
        ("-5", None),
        ("", None),
        ("soon", None),
        ("1e3", None),
        ("inf", None),
        ("nan", None),
        ("٣", None),
        ("9" * 5000, None),
        ("Wed, 25 Nov 2026 12:01:00 GMT", 60),
        ("Wednesday, 25-Nov-26 12:01:00 GMT", 60),
        ("Wed Nov 25 12:01:00 2026", 60),
        ("Wed, 25 Nov 2026 11:00:00 GMT", 0),
        ("Wed, 25 Nov 2099 12:00:00 GMT", 3600),
        ("Wed, 99 Nov 2026 12:00:00 GMT", None),
        ("Wed, 25 Nov 99999999 12:00:00 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value, "date": NOW}, 3600) == seconds


def test_a_date_is_compared_with_our_own_clock_when_the_source_does_not_tell_its() -> None:
    found = retry_after({"retry-after": formatdate(time.time() + 100, usegmt=True)}, 3600)

    assert found == pytest.approx(100, abs=2)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"}, 30),
        ({"x-ratelimit-remaining": "1", "x-ratelimit-reset": "30"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795608060"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795608060000"}, 60),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795600000"}, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9999999999"}, 3600),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "5"}, 5),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "12"}, 12),
        ({"ratelimit": '"default";r=0;t=30'}, 30),
        ({"ratelimit": '"burst";r=50;t=5, "daily";r=0;t=900'}, 900),
        ({"ratelimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"ratelimit": "limit=100, remaining=3, reset=50"}, None),
        ({"ratelimit": "nonsense"}, None),
        ({"x-ratelimit-remaining": "none", "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "30"}, None),
    ],
)
def test_a_used_up_rate_limit(headers: dict[str, str], seconds: float | None) -> None:
    assert exhausted_for({**headers, "date": NOW}, 3600) == seconds
