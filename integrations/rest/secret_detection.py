"""Finds credentials that were written into a declaration by mistake, before they are stored or shown anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_SECRET_NAMES = re.compile(
    r"(^|[-_.])(authorization|cookie|password|passwd|pwd|secret|token|bearer|jwt|signature|credentials?|"
    r"api[-_]?key|apikey|access[-_]?key|private[-_]?key|auth[-_]?key|client[-_]?secret)$",
    re.IGNORECASE,
)
_HARMLESS_NAMES = re.compile(r"(page|next|sync|continuation|cursor|start|csrf)[-_.]?token$", re.IGNORECASE)
_SECRET_VALUES = re.compile(
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
        yield from secrets_under(name, declaration.get(name))
    for name, value in declaration.items():
        if name not in _DECLARED and isinstance(value, str) and (_is_secret_name(name) or _SECRET_VALUES.search(value)):
            yield name
    auth = declaration.get("auth")
    if isinstance(auth, Mapping):
        # The keys of `auth` (scheme, name, field, token_url, …) hold no secret; any other key with such a name does.
        for name, value in auth.items():
            is_secret = isinstance(value, str) and _is_secret_value(value)
            if is_secret or (name not in ("token_url", "client_auth") and _is_secret_name(name)):
                yield f"auth.{name}"


def secrets_under(path: str, value: Any) -> Iterator[str]:
    """The dotted names of values that look like secrets, within any value under the name `path`."""
    name = path.rpartition(".")[2]
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from secrets_under(f"{path}.{key}", child)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from secrets_under(f"{path}.{index}", child)
    elif (
        isinstance(value, str)
        and value
        and (_is_secret_value(value) or (_is_secret_name(name) and not _is_template(value)))
    ):
        yield path


def _is_secret_value(value: str) -> bool:
    return bool(_SECRET_VALUES.search(value)) or _is_secret_address(value)


def _is_secret_name(name: str) -> bool:
    return bool(_SECRET_NAMES.search(name)) and not _HARMLESS_NAMES.search(name)


def _is_template(value: str) -> bool:
    return bool(re.fullmatch(r"\{window\.\w+(:\w+)?\}", value))


def _is_secret_address(value: str) -> bool:
    """Whether a text is an address with a password, or with a key in its query."""
    if "://" not in value:
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.password) or any(
            _is_secret_name(name) and query_value for name, query_value in parse_qsl(parts.query)
        )
    except ValueError:
        return False
