"""The kinds of authentication. Each names the fields of the credential that it reads."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

from pydantic import Field, model_validator

from ingestion import CredentialError
from integrations.rest.values import Value

_NAME = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
"""Characters of a header's name (RFC 9110, token)."""
RESERVED_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "content-type", "accept-encoding", "x-request-id"}
)
"""Headers that the HTTP client sets: a declared one would not be sent, or be sent twice."""


@dataclass(frozen=True, slots=True)
class AuthHeaders:
    """Headers and query parameters that authenticate every call, and are never shown."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    params: Mapping[str, str] = field(default_factory=dict, repr=False)


class NoAuth(Value):
    """The source answers anybody."""

    kind: Literal["none"] = "none"

    def auth_headers(self, secret: Mapping[str, str]) -> AuthHeaders:
        return AuthHeaders()


class Bearer(Value):
    """A token in the Authorization header. The credential's field: `token`."""

    kind: Literal["bearer"] = "bearer"
    scheme: str = Field("Bearer", pattern=_NAME)
    """The word before the token; some sources say "Token"."""
    field: str = "token"
    """The credential's field that holds it."""

    def auth_headers(self, secret: Mapping[str, str]) -> AuthHeaders:
        return AuthHeaders({"Authorization": f"{self.scheme} {required_value(secret, self.field)}"})


class Basic(Value):
    """User name and password (RFC 7617). The credential's fields: `username`, `password`."""

    kind: Literal["basic"] = "basic"

    def auth_headers(self, secret: Mapping[str, str]) -> AuthHeaders:
        pair = f"{required_value(secret, 'username')}:{secret.get('password', '')}"
        return AuthHeaders({"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"})


class ApiKey(Value):
    """A key in a header or in the query. The credential's field: `key`."""

    kind: Literal["api_key"] = "api_key"
    name: str = Field("X-Api-Key", pattern=_NAME)
    """The header or parameter."""
    place: Literal["header", "query"] = "header"
    field: str = "key"
    """The credential's field that holds it."""

    @model_validator(mode="after")
    def _header_is_free(self) -> Self:
        if self.place == "header" and self.name.lower() in RESERVED_HEADERS:
            raise ValueError(f"`name`: the header {self.name!r} cannot be set here; name the one that the source reads")
        return self

    def auth_headers(self, secret: Mapping[str, str]) -> AuthHeaders:
        api_key = {self.name: required_value(secret, self.field)}
        return AuthHeaders(api_key) if self.place == "header" else AuthHeaders({}, api_key)


class ClientCredentials(Value):
    """OAuth 2 client credentials (RFC 6749, 4.4). The credential's fields: `client_id`, `client_secret`.

    The token is asked for once a run, and once more when the source refuses it.
    """

    kind: Literal["client_credentials"] = "client_credentials"
    token_url: str
    """Where tokens are given out: https://…"""
    scope: str = ""
    audience: str = ""
    client_auth: Literal["body", "basic"] = "basic"
    """How client id and secret are sent."""


class RefreshToken(Value):
    """OAuth 2 refresh token (RFC 6749, 6). The credential's fields: `refresh_token`, `client_id`, `client_secret`.

    Across all workers one asks for new tokens, and they are stored before anybody uses them: sources that give out a
    new refresh token each time refuse the old one from then on.
    """

    kind: Literal["refresh_token"] = "refresh_token"
    token_url: str
    """Where tokens are given out: https://…"""
    scope: str = ""
    client_auth: Literal["body", "basic"] = "body"
    """How client id and secret are sent."""


def required_value(secret: Mapping[str, str], name: str) -> str:
    """A value of the credential. Raises CredentialError where it is missing or cannot stand in a header."""
    value = secret.get(name, "")
    if not value:
        raise CredentialError(f"The credential has no {name!r}; store it, then run again.")
    if any(sign in value for sign in "\r\n\0"):
        raise CredentialError(f"The credential's {name!r} holds a line break; store it again without.")
    return value
