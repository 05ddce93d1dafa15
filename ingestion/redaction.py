"""Keeps secrets out of text. Whoever holds a secret calls `remember`; whoever writes text for people calls `mask`.

Masking is by value, in the spellings in which a value usually travels: as it is, quoted for URLs, JSON, HTML, Python,
in base64 at any alignment (`Basic` headers hold the secret in the middle) and in hexadecimal. Values shorter than six
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
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "[secret]"
SHORTEST = 6
_KEPT_SECONDS = 3600.0
"""After its last use a value is forgotten: a long-lived process must not gather every tenant's secrets."""
_MOST = 500
_LINE = 16
"""Lines of a value (a private key) that are at least so long are masked by themselves too."""


class MaskedError(Exception):
    """Stands for an exception whose text held a secret; its own text is the masked traceback."""


class _Known:
    """The live values of this process with their spellings, longest first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: OrderedDict[str, float] = OrderedDict()
        self.spelled: tuple[str, ...] = ()
        self.until = 0.0

    def add(self, values: Iterable[str]) -> None:
        with self.lock:
            now = time.monotonic()
            known = set(self.values)
            for value in values:
                if len(value) >= SHORTEST:
                    self.values[value] = now + _KEPT_SECONDS
                    self.values.move_to_end(value)
            self._expire(now)
            if set(self.values) != known:
                self._spell()

    def spellings(self) -> tuple[str, ...]:
        if self.spelled and time.monotonic() > self.until:
            with self.lock:
                self._expire(time.monotonic())
                self._spell()
        return self.spelled

    def clear(self) -> None:
        with self.lock:
            self.values.clear()
            self._spell()

    def _expire(self, now: float) -> None:
        while self.values and (len(self.values) > _MOST or next(iter(self.values.values())) <= now):
            self.values.popitem(last=False)

    def _spell(self) -> None:
        self.until = next(iter(self.values.values()), 0.0)
        self.spelled = tuple(sorted({one for value in self.values for one in spellings(value)}, key=len, reverse=True))


_known = _Known()


def remember(values: Iterable[str]) -> None:
    """From now on, for an hour, mask these values in this process."""
    _known.add(values)


def forget() -> None:
    """Forget every value; for tests."""
    _known.clear()


def knows_any() -> bool:
    """Whether there is anything to mask: most processes have opened no secret."""
    return bool(_known.spellings())


def mask(text: str) -> str:
    """`text` with every known secret replaced."""
    for spelling in _known.spellings():
        if spelling in text:
            text = text.replace(spelling, MASK)
    return text


def masked(value: Any) -> Any:
    """A JSON value with the secrets in its texts, keys included, replaced."""
    if not knows_any():
        return value
    match value:
        case str():
            return mask(value)
        case dict():
            return {masked(key): masked(one) for key, one in value.items()}
        case list() | tuple():
            return [masked(one) for one in value]
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
    lines = [line.strip() for line in value.splitlines()]
    for part in {value, value.strip(), *(line for line in lines if len(line) >= _LINE)}:
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
