"""Credentials that somebody wrote into a declaration by mistake: found before they are stored or shown anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_NAMES = re.compile(
    r"(^|[-_.])(authorization|cookie|password|passwd|pwd|secret|token|bearer|jwt|signature|credentials?|"
    r"api[-_]?key|apikey|access[-_]?key|private[-_]?key|auth[-_]?key|client[-_]?secret)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"(page|next|sync|continuation|cursor|start|csrf)[-_.]?token$", re.IGNORECASE)
_VALUES = re.compile(
    r"^(bearer|basic|token|digest)\s+\S{8,}|"  # an Authorization header's value
    r"\beyJ[\w-]{10,}\.[\w-]{5,}|"  # a JSON Web Token
    r"\b(sk|rk|pk)_(live|test)_\w{8,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|"
    r"\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bwhsec_\w{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    re.IGNORECASE,
)
_DECLARED = ("base_url", "path", "params", "headers", "body")
ADVICE = "a secret belongs to the tenant's credential, encrypted and never shown; say here only how it is sent (auth)"


def secrets_in(declaration: Mapping[str, Any]) -> Iterator[str]:
    """The dotted names of values that look like secrets; never the values."""
    for name in _DECLARED:
        yield from look(name, declaration.get(name))
    for name, value in declaration.items():
        if name not in _DECLARED and isinstance(value, str) and (_names_one(name) or _VALUES.search(value)):
            yield name
    inner = declaration.get("auth")
    if isinstance(inner, Mapping):
        # What auth may say (scheme, name, field, token_url, …) holds no secret; anything else with such a name does.
        for name, value in inner.items():
            shaped = isinstance(value, str) and _looks(value)
            if shaped or (name not in ("token_url", "client_auth") and _names_one(name)):
                yield f"auth.{name}"


def look(at: str, value: Any) -> Iterator[str]:
    """The same for any value, under the name `at`."""
    name = at.rpartition(".")[2]
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from look(f"{at}.{key}", one)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from look(f"{at}.{index}", one)
    elif isinstance(value, str) and value and (_looks(value) or (_names_one(name) and not _is_template(value))):
        yield at


def _looks(value: str) -> bool:
    return bool(_VALUES.search(value)) or _in_address(value)


def _names_one(name: str) -> bool:
    return bool(_NAMES.search(name)) and not _HARMLESS.search(name)


def _is_template(value: str) -> bool:
    return bool(re.fullmatch(r"\{window\.\w+(:\w+)?\}", value))


def _in_address(value: str) -> bool:
    """Whether an address carries a password or a key in its query."""
    if "://" not in value:
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.password) or any(_names_one(name) and one for name, one in parse_qsl(parts.query))
    except ValueError:
        return False
