"""The strings and signs of JSON that may be broken: one pass over the bytes, whatever is missing in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},:]', re.DOTALL)
_SIGN = re.compile(rb"[\[\]{},:]")


def json_tokens(body: bytes) -> Iterator[re.Match[bytes]]:
    """Each string, and each bracket, comma and colon outside of strings.

    Of a string that does not end only the signs in it come: where it should have ended nobody knows.
    """
    for token in _TOKEN.finditer(body):
        if token[1] == b"":
            yield from _SIGN.finditer(body, token.start() + 1)
            return
        yield token
