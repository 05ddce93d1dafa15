"""How long a source asks us to wait: Retry-After, and the headers that count the remaining calls of a rate limit."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,10})?")
_EPOCH = 1_000_000_000
"""Larger numbers are points in time (seconds since 1970), not durations; above a thousand times that, milliseconds."""
_HEADER_PAIRS = (
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("x-rate-limit-remaining", "x-rate-limit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
)


def retry_after(headers: Mapping[str, str], cap: float) -> float | None:
    """Seconds of Retry-After (RFC 9110, 10.2.3), at most `cap`; None when it is absent or senseless, such as negative.

    Some sources write the end of the wait instead, as seconds or milliseconds since 1970.
    """
    value = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(value):
        return _seconds(float(value), headers, cap)
    moment = _moment(value)
    return None if moment is None else _until(moment, headers, cap)


def exhausted_for(headers: Mapping[str, str], cap: float) -> float | None:
    """Seconds until a used-up rate limit is renewed; None while calls remain."""
    separate = [(headers.get(remaining, ""), headers.get(reset, "")) for remaining, reset in _HEADER_PAIRS]
    for remaining, reset in (*separate, *_combined(headers)):
        remaining_calls, seconds = _number(remaining), _number(reset)
        if remaining_calls is None or remaining_calls >= 1 or seconds is None:
            continue
        return _seconds(seconds, headers, cap)
    return None


def _seconds(number: float, headers: Mapping[str, str], cap: float) -> float:
    """The wait that `number` means: a duration in seconds, or above `_EPOCH` a point in time."""
    if number > _EPOCH * 1000:
        number /= 1000
    return _until(number, headers, cap) if number > _EPOCH else min(number, cap)


def _until(moment: float, headers: Mapping[str, str], cap: float) -> float:
    """Seconds to `moment` by the source's own clock (Date), if it sends one: ours may differ by more than the wait."""
    return min(max(moment - (_moment(headers.get("date", "")) or time.time()), 0.0), cap)


def _combined(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Remaining calls and reset of each policy in `RateLimit`.

    The header is `"default";r=0;t=30`, in older drafts `limit=100, remaining=0, reset=30`.
    """
    pairs = []
    for policy in re.split(r',\s*(?=")', headers.get("ratelimit", "")):
        members = dict(re.findall(r"\b(r|t|remaining|reset)=(\d{1,20})", policy))
        remaining = members.get("r") or members.get("remaining", "")
        pairs.append((remaining, members.get("t") or members.get("reset", "")))
    return pairs


def _number(text: str) -> float | None:
    """The first number of `text`: some sources list several windows, the shortest first."""
    first = text.split(",")[0].split(";")[0].strip()
    return float(first) if _NUMBER.fullmatch(first) else None


def _moment(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
