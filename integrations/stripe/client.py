"""Stripe's own library, with every call going through the one HTTP client and its guards.

The library retries neither 429 nor with a deadline; here it retries nothing, and `integrations.http` does it all. It
makes the calls and explains refusals. What succeeds is kept as bytes and not parsed by it: the records need the
bytes, and the run takes little more than half the time (measured).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import stripe

from ingestion import ConfigurationError, Context, CredentialError, Secret, SourceChanged
from integrations.http import Client

API_VERSION = "2026-03-25.dahlia"
"""Pinned: what lists and fetches look like does not depend on the account. Events come as the account has them."""
ORIGIN = "https://api.stripe.com"
logging.getLogger("stripe").setLevel(logging.WARNING)  # it logs addresses with ids; every call is logged once already
_EXPLAINED = frozenset({400, 402, 403, 404, 409})
"""Answers whose body says in a code of Stripe's own what is wrong."""

_OTHER_MODE = "a similar object exists in"
"""What Stripe says of a live object that is asked for with a test key, and the other way round: it is not gone."""


class NoSuchObject(SourceChanged):
    """Stripe knows no object of this id, or not any more; `parameter` names where the id stood."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's bytes, and Stripe's clock when it was made (whole seconds since 1970)."""

    body: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Api:
    """One tenant's account for one run."""

    client: stripe.StripeClient
    http: _Guarded
    live: bool | None
    """Whether the key is a live one; None for keys that do not tell."""
    clock: Callable[[], float] = time.time

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Raises NoSuchObject, CredentialError, Transient and SourceChanged."""
        try:
            answer = self.client.raw_request("get", path, **dict(params or {}))
        except stripe.PermissionError as error:
            raise CredentialError(f"Stripe does not let the key read {path}: {error.user_message}") from None
        except stripe.InvalidRequestError as error:
            if _OTHER_MODE in str(error.user_message):
                raise CredentialError(f"The key is for the other mode: {error.user_message}") from None
            if error.code == "resource_missing" or str(error.user_message).startswith("No such "):
                raise NoSuchObject(str(error.user_message), str(error.param or "")) from None
            raise SourceChanged(f"Stripe refused {path}: {error.code or 'no code'}, {error.user_message}") from None
        except stripe.StripeError as error:
            raise SourceChanged(f"Stripe refused {path}: {type(error).__name__}, {error.user_message}") from None
        return Answer(self.http.body, self._at(answer.headers))

    def _at(self, headers: Mapping[str, str]) -> int:
        try:
            return int(parsedate_to_datetime(headers["date"]).timestamp())
        except (KeyError, TypeError, ValueError):
            return int(self.clock())


class _Guarded(stripe.HTTPClient):
    """The library's seam for a client of one's own, over ours."""

    name = "sluicegate"

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self.body = b""
        """Of the last call that succeeded."""

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        sent = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        body = post_data.encode() if isinstance(post_data, str) else post_data
        answer = self._client.request(method, url, headers=sent, content=body, accept=_EXPLAINED)
        if answer.status < 300:
            self.body = answer.body
            return "{}", answer.status, answer.headers
        return answer.body.decode("utf-8", "replace"), answer.status, answer.headers

    def close(self) -> None:
        self._client.close()


@contextmanager
def open_api(
    ctx: Context, *, origin: str = ORIGIN, clock: Callable[[], float] = time.time, **hooks: Any
) -> Iterator[Api]:
    """The run's one client, with the tenant's own key. `hooks` are those of `integrations.http.Client`.

    The connection's config may name a connected `account`, whose objects the platform's key then reads. Raises
    ConfigurationError for one that the credential does not name.
    """
    credential = ctx.credential()
    key = credential.values.get("api_key", "").strip()
    if not key:
        raise CredentialError("The Stripe credential has no api_key; store the account's secret or restricted key.")
    account = str(ctx.config.get("account") or "")
    if account and account not in accounts(credential):
        raise ConfigurationError(
            f"The credential does not name the connected account {account!r}. A platform's key opens the accounts of "
            'all its customers: store those of this tenant as "accounts" beside the api_key, parted by spaces.'
        )
    with Client(ctx, origin, secret_headers={"Authorization": f"Bearer {key}"}, **hooks) as client:
        guarded = _Guarded(client)
        yield Api(
            stripe.StripeClient(
                key,
                stripe_account=account or None,
                stripe_version=API_VERSION,
                base_addresses={"api": origin},
                max_network_retries=0,
                http_client=guarded,
            ),
            guarded,
            live(key),
            clock,
        )


def accounts(credential: Secret) -> frozenset[str]:
    """The connected accounts that this tenant may read: `accounts`, parted by spaces or commas."""
    return frozenset(credential.values.get("accounts", "").replace(",", " ").split())


def live(key: str) -> bool | None:
    """Whether an API key is for live mode, by its prefix (sk_live_…, rk_test_…)."""
    mode = key.split("_")[1:2]
    return {"live": True, "test": False}.get(mode[0]) if mode else None
