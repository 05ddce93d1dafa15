"""Finds credentials that were written into a declaration by mistake, before they are stored or shown anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingestion import is_secret_name, pasted_secrets, resembles_secret

_DECLARED = ("base_url", "path", "params", "headers", "body")
ADVICE = "a secret belongs to the tenant's credential, encrypted and never shown; say here only how it is sent (auth)"


def secrets_in(declaration: Mapping[str, Any]) -> Iterator[str]:
    """The dotted names of values that look like secrets; never the values."""
    for name in _DECLARED:
        yield from pasted_secrets(name, declaration.get(name))
    for name, value in declaration.items():
        if name not in _DECLARED and isinstance(value, str) and (is_secret_name(name) or resembles_secret(value)):
            yield name
    auth = declaration.get("auth")
    if isinstance(auth, Mapping):
        # The keys of `auth` (scheme, name, field, token_url, …) hold no secret; any other key with such a name does.
        for name, value in auth.items():
            is_secret = isinstance(value, str) and resembles_secret(value)
            if is_secret or (name not in ("token_url", "client_auth") and is_secret_name(name)):
                yield f"auth.{name}"
