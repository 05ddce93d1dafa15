"""Who holds the proof during a run, and gets a new one when the source refuses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from ingestion import Context, CredentialError, Secret
from ingestion.redaction import remember
from integrations.rest.auth.declared import (
    ApiKey,
    Basic,
    Bearer,
    ClientCredentials,
    NoAuth,
    Proof,
    RefreshToken,
    needed,
)
from integrations.rest.auth.tokens import TokenAddress, lifetime
from integrations.rest.auth.transport_hook import Connect

_EARLY = 30.0
"""Seconds before its end from which a token is not used any more."""


class Keeper(Protocol):
    """`proof` for the next call; `renew` after it was refused, where there is something to renew."""

    def proof(self) -> Proof: ...

    def renew(self) -> None: ...


class Fixed:
    """A credential that stays as it is."""

    def __init__(self, auth: NoAuth | Bearer | Basic | ApiKey, ctx: Context) -> None:
        self._auth, self._ctx = auth, ctx
        self._proof: Proof | None = None

    def proof(self) -> Proof:
        if self._proof is None:
            secret = Secret() if isinstance(self._auth, NoAuth) else self._ctx.credential()
            self._proof = self._auth.proof(secret.values)
        return self._proof

    def renew(self) -> None:
        self._proof = None  # somebody may have stored another credential meanwhile


class ForOneRun:
    """A token of the client itself, asked for once a run and when it ends or is refused."""

    def __init__(self, auth: ClientCredentials, ctx: Context, connect: Connect, clock: Callable[[], float]) -> None:
        self._auth, self._ctx, self._clock = auth, ctx, clock
        self._address = TokenAddress(auth.token_url, auth.client_auth, connect)
        self._token, self._ends = "", 0.0

    def proof(self) -> Proof:
        if not self._token or self._clock() >= self._ends:
            self.renew()
        return _bearer(self._token)

    def renew(self) -> None:
        secret = self._ctx.credential().values
        needed(secret, "client_id")
        wanted = {"scope": self._auth.scope, "audience": self._auth.audience}
        form = {"grant_type": "client_credentials", **{name: value for name, value in wanted.items() if value}}
        answer = self._address.ask(self._ctx, form, secret, again=True)
        self._token = answer["access_token"]
        remember([self._token], self._ctx.tenant.id)
        self._ends = self._clock() + _usable(lifetime(answer))


class Exchanged:
    """A token that is exchanged for the next one, by one worker for all, and stored before it is used."""

    def __init__(self, auth: RefreshToken, ctx: Context, connect: Connect, now: Callable[[], float]) -> None:
        self._auth, self._ctx, self._now = auth, ctx, now
        self._address = TokenAddress(auth.token_url, auth.client_auth, connect)
        self._secret: Secret | None = None

    def proof(self) -> Proof:
        secret = self._secret or self._ctx.credential()
        self._secret = secret
        if not secret.values.get("access_token") or self._now() >= _end(secret.values):
            self.renew()
        return _bearer(self._secret.values["access_token"])

    def renew(self) -> None:
        self._secret = self._ctx.exchange(self._secret or self._ctx.credential(), self._ask)
        if not self._secret.values.get("access_token"):
            raise CredentialError("The stored credential has no 'access_token' after it was renewed; store it again.")

    def _ask(self, used_up: Secret) -> Mapping[str, str]:
        old = used_up.values
        form = {"grant_type": "refresh_token", "refresh_token": needed(old, "refresh_token")}
        if self._auth.scope:
            form["scope"] = self._auth.scope
        # Asked once: an answer that was lost on its way may have made the old token worthless already.
        answer = self._address.ask(self._ctx, form, old, again=False)
        given = answer.get("refresh_token")
        new = {**old, "access_token": answer["access_token"]}
        if isinstance(given, str) and given:
            new["refresh_token"] = given
        seconds = lifetime(answer)
        new["expires_at"] = "" if seconds is None else str(int(self._now() + seconds))
        return {name: value for name, value in new.items() if value}


def keeper(
    auth: NoAuth | Bearer | Basic | ApiKey | ClientCredentials | RefreshToken,
    ctx: Context,
    connect: Connect,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Keeper:
    match auth:
        case ClientCredentials():
            return ForOneRun(auth, ctx, connect, clock)
        case RefreshToken():
            return Exchanged(auth, ctx, connect, now)
        case _:
            return Fixed(auth, ctx)


def _bearer(token: str) -> Proof:
    return Proof({"Authorization": f"Bearer {needed({'access_token': token}, 'access_token')}"})


def _usable(seconds: float | None) -> float:
    """How long a token is used; a short-lived one for half of its life."""
    return float("inf") if seconds is None else max(seconds - _EARLY, seconds / 2)


def _end(secret: Mapping[str, str]) -> float:
    text = secret.get("expires_at", "")
    return float(text) - _EARLY if text.isdecimal() and len(text) < 16 else float("inf")
