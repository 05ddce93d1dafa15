"""The key of a JSON object of which something else is wrong: a record keeps its identity until that is mended.

Looks at structure only (strings, brackets, commas), so that NaN, a half surrogate, a wrong encoding or a broken number
in one member hides no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ingestion.core.json_tokens import json_tokens

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?(?:0|[1-9]\d{0,30})")
_OPENS, _CLOSES = (b"{", b"["), (b"}", b"]")


def readable_key(body: bytes, key: str) -> str:
    """The text or whole number that `body` has under `key` at its top, '' where none can be read for sure."""
    values = {_key_of(body[start:end]) for name, start, end in members(body) if name == key}
    return values.pop() if len(values) == 1 else ""


def member_at(body: bytes, offset: int) -> str:
    """The top-level member of `body` that holds the byte at `offset`, '' where none does."""
    return next((name for name, start, end in members(body) if start <= offset <= end), "")


def members(body: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each value at the top of an object, as far as its structure can be followed."""
    depth, name, start, last = 0, "", -1, b""
    for token in json_tokens(body):
        text = token.group()
        if depth == 1 and text == b":" and start < 0:
            name, start = _text(last), token.end()
        elif depth == 1 and start >= 0 and text in (b",", b"}"):
            yield name, start, token.start()
            start = -1
        if text in _OPENS:
            depth += 1
            if depth == 1 and (text != b"{" or body[: token.start()].strip()):
                return
        elif text in _CLOSES:
            depth -= 1
            if depth <= 0:
                return
        last = text
    if start >= 0:
        yield name, start, len(body)


def _key_of(raw: bytes) -> str:
    raw = raw.strip()
    if raw.startswith(b'"') and _STRING.fullmatch(raw):
        return _text(raw)
    return raw.decode() if _NUMBER.fullmatch(raw) else ""


def _text(raw: bytes) -> str:
    try:
        value = json.loads(raw)
        value.encode()
    except (ValueError, AttributeError):  # half a surrogate is none that a later, mended version would have
        return ""
    return str(value)
