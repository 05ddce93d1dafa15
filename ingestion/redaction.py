"""Keeps secrets out of text. Whoever holds a secret calls `remember`; whoever writes text for people calls `mask`.

Masking is by value, in the spellings in which a value usually travels: as it is, quoted for URLs, JSON, HTML, Python,
in base64 at any alignment (`Basic` headers hold the secret in the middle) and in hexadecimal. Values shorter than eight
characters are left alone: masking them would garble every other word.
"""

from __future__ import annotations

import base64
import html
import json
import re
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[secret]"
SHORTEST = 8
_KEPT_SECONDS = 3600.0
"""After its last use a value is forgotten: a long-lived process must not gather every tenant's secrets."""
_OF_ONE = 20
"""Values of one credential that are known, the longest ones."""
_OF_TENANT = 200
"""Values of one tenant. Its oldest make place for its newest; nobody else's do."""
_LINE = 16
"""Lines of a value (a private key) that are at least so long are masked by themselves too."""
_LINES = 64
"""So many of them; a private key of 4096 bits has 52."""
_Index = dict[str, list[str]]
"""Spellings by their first characters."""


class MaskedError(Exception):
    """Stands for an exception whose text held a secret; its own text is the masked traceback."""


class _Known:
    """The live values of this process by tenant, each with its spellings and when it is forgotten."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.values: dict[int | None, OrderedDict[str, tuple[float, set[str]]]] = {}
        self.indexes: dict[int | None, _Index] = {}
        """By tenant, of that one's values; `None` of everybody's."""
        self.until = 0.0

    def add(self, values: Iterable[str], tenant: int | None) -> None:
        with self.lock:
            until = time.monotonic() + _KEPT_SECONDS
            mine = self.values.setdefault(tenant, OrderedDict())
            for value in sorted({one for one in values if len(one) >= SHORTEST}, key=len, reverse=True)[:_OF_ONE]:
                if value not in mine:
                    self.indexes = {}
                known = mine.pop(value, None)
                mine[value] = (until, known[1] if known else spellings(value))
            while len(mine) > _OF_TENANT:
                mine.popitem(last=False)

    def index(self, tenant: int | None) -> _Index:
        """The values to mask: all of them, or only those of `tenant` and of nobody in particular."""
        if not self.values:
            return {}
        with self.lock:
            now = time.monotonic()
            if now > self.until:
                self._expire(now)
            if (found := self.indexes.get(tenant)) is None:
                owners = list(self.values) if tenant is None else [tenant, None]
                found = _indexed(
                    one for owner in owners for _, all_ in self.values.get(owner, {}).values() for one in all_
                )
                self.indexes[tenant] = found
            return found

    def _expire(self, now: float) -> None:
        for owner, mine in list(self.values.items()):
            while mine and next(iter(mine.values()))[0] <= now:
                mine.popitem(last=False)
            if not mine:
                del self.values[owner]
        self.indexes = {}
        self.until = min((next(iter(mine.values()))[0] for mine in self.values.values()), default=0.0)


def _indexed(all_spellings: Iterable[str]) -> _Index:
    index: dict[str, list[str]] = {}
    for one in set(all_spellings):
        index.setdefault(one[:SHORTEST], []).append(one)
    return index


_known = _Known()


def remember(values: Iterable[str], tenant: int | None = None) -> None:
    """From now on, for an hour, mask these values of one credential (of `tenant`) in this process."""
    _known.add(values, tenant)


def forget() -> None:
    """Forget every value; for tests."""
    with _known.lock:
        _known.clear()


def knows_any() -> bool:
    """Whether there is anything to mask: most processes have opened no secret."""
    return bool(_known.values)


def mask(text: str, tenant: int | None = None) -> str:
    """`text` with every known secret replaced; for what `tenant`'s staff will read, only with that tenant's.

    Otherwise a gap in their text would tell them that it is somebody else's secret. What it costs depends on the
    length of the text, not on the number of secrets.
    """
    index = _known.index(tenant)
    if not index or (len(index) < len(text) and not any(first in text for first in index)):
        return text  # with few secrets and a long text this look is many times quicker than the one below
    parts: list[str] = []
    copied = start = end = 0
    for at in range(len(text) - SHORTEST + 1):
        candidates = index.get(text[at : at + SHORTEST])
        length = max((len(one) for one in candidates or () if text.startswith(one, at)), default=0)
        if not length:
            continue
        if at >= end:  # else it overlaps with the one before: both go, and no rest of either stays
            if end:
                parts += text[copied:start], MASK
                copied = end
            start = at
        end = max(end, at + length)
    return "".join([*parts, text[copied:start], MASK, text[end:]]) if end else text


def masked(value: Any, tenant: int | None = None) -> Any:
    """A JSON value with the secrets in its texts, keys included, replaced; as `mask` does."""
    if not knows_any():
        return value
    match value:
        case str():
            return mask(value, tenant)
        case dict():
            return {masked(key, tenant): masked(one, tenant) for key, one in value.items()}
        case list() | tuple():
            return [masked(one, tenant) for one in value]
        case _:
            return value


@contextmanager
def safely() -> Iterator[None]:
    """Let no exception out whose text or chain holds a secret: others would print and store it."""
    try:
        yield
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        clean = mask(told)
        if clean == told:
            raise
        raise MaskedError(clean) from None


def spellings(value: str) -> set[str]:
    """The texts in which `value` may turn up."""
    found: set[str] = set()
    lines = (line.strip() for line in value.splitlines())
    telling = islice((line for line in lines if len(line) >= _LINE), _LINES)
    for part in {value, value.strip(), *telling}:
        found |= _spellings(part)
    return {one for one in found if len(one) >= SHORTEST}


def _spellings(value: str) -> set[str]:
    raw = value.encode("utf-8", "surrogatepass")
    plain = value.encode("utf-8", "replace").decode()
    quoted = {quote(plain), quote(plain, safe=""), quote_plus(plain)}
    quoted |= {re.sub("%[0-9A-F]{2}", lambda code: code[0].lower(), one) for one in quoted}
    escaped = {value}
    for _ in range(3):  # a repr of an exception's arguments that hold the repr of a JSON body
        escaped |= {again for one in escaped for again in _escaped(one)}
    return {*escaped, *map(html.escape, escaped), raw.hex(), raw.hex().upper(), *quoted, *_base64(raw)}


def _escaped(text: str) -> Iterator[str]:
    """As it stands inside quotes: with `repr` once in the quotes that it chooses, once where all quotes are escaped."""
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
