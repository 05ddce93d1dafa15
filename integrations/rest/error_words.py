"""Words and codes of an error, read from where sources usually write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from integrations.rest.paths import value_at

_WORDS_MEMBERS = (
    "message",
    "error_description",
    "error_message",
    "detail",
    "details",
    "title",
    "msg",
    "description",
    "error",
    "reason",
    "code",
)
"""Where the words of an error stand, by how often sources write them there."""


def error_words(body: bytes) -> str:
    """The words of a response's error, where sources usually write them; '' when there are none."""
    return next(filter(None, (words_in(value_at(body, f"$.{name}")) for name in _WORDS_MEMBERS)), "")


def words_in(value: Any) -> str:
    """The first words in an error: the error itself, or the text in one of its usual members."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return next(filter(None, map(words_in, value[:5])), "")
    if isinstance(value, Mapping):
        return next(filter(None, (words_in(value.get(name)) for name in _WORDS_MEMBERS)), "")
    return ""


def error_codes(body: bytes, value: Any) -> Iterator[str]:
    """The codes of the error `value`, and those that stand in the response's usual members."""
    for member in (value, *(value_at(body, f"$.{name}") for name in ("error", "code", "error_code"))):
        first_value = member[0] if isinstance(member, list) and member else member
        if isinstance(first_value, Mapping):
            extensions = first_value.get("extensions")
            yield from (
                str(first_value[name])
                for name in ("code", "errorCode", "type", "reason", "status")
                if name in first_value
            )
            yield from [str(extensions["code"])] if isinstance(extensions, Mapping) and "code" in extensions else []
        elif isinstance(first_value, str | int) and not isinstance(first_value, bool):
            yield str(first_value)
