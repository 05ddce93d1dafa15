"""Keeps secrets out of exceptions, log lines and other libraries' logs."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from integrations.http.call import CURRENT

_NAMES = re.compile(r"auth|cookie|credential|key|password|secret|session|signature|token", re.IGNORECASE)
_SHORTEST = 4
"""Shorter values are no secrets; to mask them would mask parts of ordinary words."""


def names_a_secret(name: str) -> bool:
    """Whether a header or parameter of this name usually holds a credential."""
    return bool(_NAMES.search(name))


class Redactor:
    """Masks secret values in texts, plain and in the encodings that URLs and headers use."""

    def __init__(self, *secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        values = {value for mapping in secrets for value in mapping.values()}
        parts = {part for value in values for part in (value, *value.split()) if len(part) >= _SHORTEST}
        forms = sorted({form for part in parts for form in _forms(part)}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms))) if forms else None

    def also(self, secrets: Mapping[str, str]) -> Redactor:
        """A redactor that masks these secrets too."""
        return Redactor(*self._secrets, secrets) if secrets else self

    def __call__(self, text: str) -> str:
        return self._pattern.sub("***", text) if self._pattern else text


def _forms(secret: str) -> Iterable[str]:
    raw = secret.encode()
    packed = base64.b64encode(raw).decode().rstrip("=")
    return secret, quote(secret), quote(secret, safe=""), quote_plus(secret), packed, raw.hex()


class _DropOwnCalls(logging.Filter):
    """Drops httpcore's DEBUG lines about our own calls: they contain every response header, cookies included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return CURRENT.get() is None


def silence_httpcore() -> None:
    for name in ("httpcore.connection", "httpcore.http11"):
        logging.getLogger(name).addFilter(_DropOwnCalls())
