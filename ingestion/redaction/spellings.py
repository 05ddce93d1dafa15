"""The texts in which a value usually travels: masking a value looks for all of them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from itertools import islice
from urllib.parse import quote, quote_plus

SHORTEST = 8
"""Characters of the shortest text that is masked."""
_LINE = 16
"""Lines of a value (a private key) that are at least so long are masked by themselves too."""
_LINES = 64
"""So many of them; a private key of 4096 bits has 52."""


def spellings(value: str) -> set[str]:
    """The texts in which `value` may turn up."""
    texts: set[str] = set()
    lines = (line.strip() for line in value.splitlines())
    telling = islice((line for line in lines if len(line) >= _LINE), _LINES)
    for part in {value, value.strip(), *telling}:
        texts |= _spellings(part)
    return {text for text in texts if len(text) >= SHORTEST}


def _spellings(value: str) -> set[str]:
    raw = value.encode("utf-8", "surrogatepass")
    plain = value.encode("utf-8", "replace").decode()
    quoted = {quote(plain), quote(plain, safe=""), quote_plus(plain)}
    quoted |= {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), text) for text in quoted}
    escaped = {value}
    for _ in range(3):  # a repr of an exception's arguments that hold the repr of a JSON body
        escaped |= {again for text in escaped for again in _escaped(text)}
    return {*escaped, *map(html.escape, escaped), raw.hex(), raw.hex().upper(), *quoted, *_base64(raw)}


def _escaped(text: str) -> Iterator[str]:
    """The text inside quotes: with `repr` once in the quotes that it chooses, once where all quotes are escaped."""
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(text + "'\"")[1:-4]


def _base64(raw: bytes) -> Iterator[str]:
    """Base64 of `raw` with 0, 1 or 2 bytes before it, without the characters that its neighbours have a say in."""
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw).decode()
        head = (0, 2, 3)[shift]
        tail = (None, -3, -2)[(shift + len(raw)) % 3]
        core = encoded[head:tail]
        yield core
        yield core.translate(str.maketrans("+/", "-_"))
        yield quote(core, safe="")
