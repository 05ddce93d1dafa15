"""Error codes in response bodies, for statuses that are ambiguous alone. An unlisted code means nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

_NAMES = frozenset({"code", "errorcode", "error", "errors", "reason", "status", "type", "errortype", "message"})
"""Names of members, without punctuation, that hold a code or an object with a code."""
_LATER = frozenset(
    {
        "429",
        "activitylimitexceeded",
        "apilimitexceeded",
        "concurrencylimitexceeded",
        "concurrentlimitexceeded",
        "dailylimitexceeded",
        "limitexceeded",
        "provisionedthroughputexceeded",
        "provisionedthroughputexceededexception",
        "quotaexceeded",
        "ratelimit",
        "ratelimited",
        "ratelimiterror",
        "ratelimitexceeded",
        "ratelimitreached",
        "requestlimitexceeded",
        "requestthrottled",
        "requestthrottledexception",
        "resourceexhausted",
        "servicelimitexceeded",
        "slowdown",
        "throttled",
        "throttling",
        "throttlingapi",
        "throttlingexception",
        "throttlinguser",
        "toomanyrequests",
        "toomanyrequestsexception",
        "userratelimitexceeded",
    }
)
"""Codes by which Google, Amazon, Salesforce, Slack and others say that there were too many calls."""
_LIMIT_IN_WORDS = re.compile(r"\b(rate|abuse)[- ]?limit|too many (requests|calls)", re.IGNORECASE)
_LARGEST, _DEPTH = 64 * 1024, 4


def says_later(body: bytes, *, words: bool = True) -> bool:
    """Whether the body of a refusal reports too many calls, by a code or (with `words`) in text, as GitHub does."""
    if len(body) > _LARGEST:
        return False
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    texts = _texts(value, _DEPTH)
    return any(is_later(text) or (words and bool(_LIMIT_IN_WORDS.search(text[:500]))) for text in texts)


def is_later(code: str) -> bool:
    """Whether `code` is an error code for too many calls."""
    return len(code) <= 120 and _plain(code.rpartition("#")[2]) in _LATER


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield str(value)
    elif isinstance(value, dict) and depth:
        for name, inner in value.items():
            if _plain(name) in _NAMES:
                yield from _texts(inner, depth - 1)
    elif isinstance(value, list) and depth:
        for inner in value[:20]:
            yield from _texts(inner, depth - 1)


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).lower()
