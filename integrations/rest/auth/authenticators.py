"""Authenticators hold the auth headers of a run, and renew them when the source refuses a call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from ingestion import Context, CredentialError, Secret
from ingestion.redaction import remember
from integrations.rest.auth.declared import (
    ApiKey,
    AuthHeaders,
    Basic,
    Bearer,
    ClientCredentials,
    NoAuth,
    RefreshToken,
    required_value,
)
from integrations.rest.auth.tokens import TokenEndpoint, lifetime
from integrations.rest.auth.transport_hook import Connect

_EXPIRY_MARGIN = 30.0
"""Seconds before its end at which a token is no longer used."""


class Authenticator(Protocol):
    """Gives the auth headers of the next call, and renews them after a refusal."""

    def auth_headers(self) -> AuthHeaders: ...

    def renew(self) -> None: ...


class StaticAuthenticator:
    """Sends the stored credential as it is."""

    def __init__(self, auth: NoAuth | Bearer | Basic | ApiKey, ctx: Context) -> None:
        self._auth, self._ctx = auth, ctx
        self._headers: AuthHeaders | None = None

    def auth_headers(self) -> AuthHeaders:
        if self._headers is None:
            secret = Secret() if isinstance(self._auth, NoAuth) else self._ctx.credential()
            self._headers = self._auth.auth_headers(secret.values)
        return self._headers

    def renew(self) -> None:
        self._headers = None  # staff may have stored another credential meanwhile


class ClientCredentialsAuthenticator:
    """Requests a token for the client itself, once a run, and again when it ends or is refused."""

    def __init__(self, auth: ClientCredentials, ctx: Context, connect: Connect, clock: Callable[[], float]) -> None:
        self._auth, self._ctx, self._clock = auth, ctx, clock
        self._endpoint = TokenEndpoint(auth.token_url, auth.client_auth, connect)
        self._token, self._expires_at = "", 0.0

    def auth_headers(self) -> AuthHeaders:
        if not self._token or self._clock() >= self._expires_at:
            self.renew()
        return _bearer_headers(self._token)

    def renew(self) -> None:
        secret = self._ctx.credential().values
        required_value(secret, "client_id")
        options = {"scope": self._auth.scope, "audience": self._auth.audience}
        form = {"grant_type": "client_credentials", **{name: value for name, value in options.items() if value}}
        token_response = self._endpoint.request_token(self._ctx, form, secret, repeatable=True)
        self._token = token_response["access_token"]
        remember([self._token], self._ctx.tenant.id)
        self._expires_at = self._clock() + _usable_seconds(lifetime(token_response))


class RefreshTokenAuthenticator:
    """Exchanges a refresh token for new tokens, in one worker for all, and stores them before they are used."""

    def __init__(self, auth: RefreshToken, ctx: Context, connect: Connect, now: Callable[[], float]) -> None:
        self._auth, self._ctx, self._now = auth, ctx, now
        self._endpoint = TokenEndpoint(auth.token_url, auth.client_auth, connect)
        self._secret: Secret | None = None

    def auth_headers(self) -> AuthHeaders:
        secret = self._secret or self._ctx.credential()
        self._secret = secret
        if not secret.values.get("access_token") or self._now() >= _last_use(secret.values):
            self.renew()
        return _bearer_headers(self._secret.values["access_token"])

    def renew(self) -> None:
        self._secret = self._ctx.exchange(self._secret or self._ctx.credential(), self._request_new_tokens)
        if not self._secret.values.get("access_token"):
            raise CredentialError("The stored credential has no 'access_token' after it was renewed; store it again.")

    def _request_new_tokens(self, expired: Secret) -> Mapping[str, str]:
        stored = expired.values
        form = {"grant_type": "refresh_token", "refresh_token": required_value(stored, "refresh_token")}
        if self._auth.scope:
            form["scope"] = self._auth.scope
        # Sent once: if the response was lost on its way, the old token may be worthless already.
        token_response = self._endpoint.request_token(self._ctx, form, stored, repeatable=False)
        refresh_token = token_response.get("refresh_token")
        renewed = {**stored, "access_token": token_response["access_token"]}
        if isinstance(refresh_token, str) and refresh_token:
            renewed["refresh_token"] = refresh_token
        seconds = lifetime(token_response)
        renewed["expires_at"] = "" if seconds is None else str(int(self._now() + seconds))
        return {name: value for name, value in renewed.items() if value}


def authenticator_for(
    auth: NoAuth | Bearer | Basic | ApiKey | ClientCredentials | RefreshToken,
    ctx: Context,
    connect: Connect,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Authenticator:
    """The authenticator of a declared kind of authentication."""
    match auth:
        case ClientCredentials():
            return ClientCredentialsAuthenticator(auth, ctx, connect, clock)
        case RefreshToken():
            return RefreshTokenAuthenticator(auth, ctx, connect, now)
        case _:
            return StaticAuthenticator(auth, ctx)


def _bearer_headers(token: str) -> AuthHeaders:
    return AuthHeaders({"Authorization": f"Bearer {required_value({'access_token': token}, 'access_token')}"})


def _usable_seconds(seconds: float | None) -> float:
    """Seconds for which a token is used; a short-lived token for half of its life."""
    return float("inf") if seconds is None else max(seconds - _EXPIRY_MARGIN, seconds / 2)


def _last_use(secret: Mapping[str, str]) -> float:
    text = secret.get("expires_at", "")
    return float(text) - _EXPIRY_MARGIN if text.isdecimal() and len(text) < 16 else float("inf")
