"""Credentials that somebody pasted where everybody may look, known by how they or their names are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BELONGS = "a secret belongs to the tenant's credential, encrypted and never shown (ingest credential set)"
_NAMES = re.compile(
    r"(^|[-_.])(authorization|cookie|password|passwd|pwd|secret|token|bearer|jwt|signature|credentials?|"
    r"api[-_]?key|apikey|access[-_]?key|private[-_]?key|auth[-_]?key|client[-_]?secret)$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"(page|next|sync|continuation|cursor|start|csrf)[-_.]?token$", re.IGNORECASE)
_HEADER = re.compile(r"^(bearer|basic|token|digest)\s+\S{8,}", re.IGNORECASE)
"""An Authorization header's value; or, where people name things, Basic Checking."""
_VALUES = re.compile(
    r"\beyJ[\w-]{10,}\.[\w-]{5,}|"  # a JSON Web Token
    r"\b(sk|rk|pk)_(live|test)_\w{8,}|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[\w-]{10,}|"
    r"\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bwhsec_\w{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    re.IGNORECASE,
)


def pasted_secrets(
    at: str, value: Any, *, by_name: bool = True, looks: Callable[[str], bool] | None = None
) -> Iterator[str]:
    """The dotted names, under `at`, of texts in a JSON value that look like secrets; never the texts.

    `looks` judges how a text is written, `resembles_secret` where none is given; with `by_name` its name counts too.
    """
    looks = looks or resembles_secret
    name = at.rpartition(".")[2]
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from pasted_secrets(f"{at}.{key}" if at else str(key), inner, by_name=by_name, looks=looks)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from pasted_secrets(f"{at}.{index}", inner, by_name=by_name, looks=looks)
    elif isinstance(value, str) and value and (looks(value) or (by_name and _is_named(name, value))):
        yield at


def resembles_secret(value: str) -> bool:
    """Whether a text is written like a key, a token or an address that carries one."""
    return bool(_HEADER.search(value)) or is_certain_secret(value)


def is_certain_secret(value: str) -> bool:
    """Whether a text is a key, a token or such an address beyond doubt, where people also write names of their own."""
    return bool(_VALUES.search(value)) or _in_address(value)


def is_secret_name(name: str) -> bool:
    """Whether a member with this name usually holds a secret."""
    return bool(_NAMES.search(name)) and not _HARMLESS.search(name)


def _is_named(name: str, value: str) -> bool:
    """Whether a member's name says that its value is secret, and that is not a placeholder."""
    return is_secret_name(name) and not re.fullmatch(r"\{window\.\w+(:\w+)?\}", value)


def _in_address(value: str) -> bool:
    """Whether an address carries a password or a key in its query."""
    if "://" not in value:
        return False
    try:
        parts = urlsplit(value)
        return bool(parts.password) or any(is_secret_name(name) and text for name, text in parse_qsl(parts.query))
    except ValueError:
        return False
