"""Stripe's own library, whose calls all go through the HTTP client of `integrations.http`.

The library builds requests and explains refusals. It retries nothing, because it does not retry 429 and knows no
deadline: the HTTP client retries instead. A successful response is not parsed by the library but kept as bytes, which
the records need; a run takes little more than half the time that way (measured).
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
"""The pinned version of lists and fetches. Events have the version of the account."""
ORIGIN = "https://api.stripe.com"
logging.getLogger("stripe").setLevel(
    logging.WARNING
)  # it logs URLs with ids, and the HTTP client logs every call already
_EXPLAINED = frozenset({400, 402, 403, 404, 409})
"""Statuses whose body has an error code of Stripe."""

_OTHER_MODE = "a similar object exists in"
"""Stripe's message for a live object requested with a test key, or the other way round: the object still exists."""


class NoSuchObject(SourceChanged):
    """Stripe knows no object of this id, or no longer; `parameter` names the request's parameter with the id."""

    def __init__(self, message: str, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """The bytes of a response, and Stripe's clock at that time (whole seconds since 1970)."""

    body: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Api:
    """One tenant's account for one run."""

    client: stripe.StripeClient
    http: _LibraryClient
    live: bool | None
    """Whether the key is a live one; None for keys that do not tell."""
    clock: Callable[[], float] = time.time

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> ApiAnswer:
        """GET `path`. Raises NoSuchObject, CredentialError, Transient and SourceChanged."""
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
        return ApiAnswer(self.http.body, self._at(answer.headers))

    def _at(self, headers: Mapping[str, str]) -> int:
        try:
            return int(parsedate_to_datetime(headers["date"]).timestamp())
        except (KeyError, TypeError, ValueError):
            return int(self.clock())


class _LibraryClient(stripe.HTTPClient):
    """The library's HTTP client, replaced by the one of `integrations.http`."""

    name = "sluicegate"

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self.body = b""
        """The body of the last successful response."""

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **_: Any) -> Any:
        # The HTTP client adds the key itself, as a header that is masked in all texts.
        public_headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        body = post_data.encode() if isinstance(post_data, str) else post_data
        answer = self._client.request(method, url, headers=public_headers, content=body, accept=_EXPLAINED)
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
    """A client with the tenant's own key for one run. `hooks` are those of `integrations.http.Client`.

    The connection's config may name a connected `account`, whose objects the platform's key then reads. Raises
    ConfigurationError for an account that the credential does not name.
    """
    credential = ctx.credential()
    key = credential.values.get("api_key", "").strip()
    if not key:
        raise CredentialError("The Stripe credential has no api_key; store the account's secret or restricted key.")
    account = str(ctx.config.get("account") or "")
    if account and account not in connected_accounts(credential):
        raise ConfigurationError(
            f"The credential does not name the connected account {account!r}. A platform's key opens the accounts of "
            'all its customers: store those of this tenant as "accounts" beside the api_key, parted by spaces.'
        )
    with Client(ctx, origin, secret_headers={"Authorization": f"Bearer {key}"}, **hooks) as client:
        library_client = _LibraryClient(client)
        yield Api(
            stripe.StripeClient(
                key,
                stripe_account=account or None,
                stripe_version=API_VERSION,
                base_addresses={"api": origin},
                max_network_retries=0,
                http_client=library_client,
            ),
            library_client,
            is_live_key(key),
            clock,
        )


def connected_accounts(credential: Secret) -> frozenset[str]:
    """The connected accounts that this tenant may read: `accounts`, separated by spaces or commas."""
    return frozenset(credential.values.get("accounts", "").replace(",", " ").split())


def is_live_key(key: str) -> bool | None:
    """Whether an API key is for live mode, by its prefix (sk_live_…, rk_test_…)."""
    mode = key.split("_")[1:2]
    return {"live": True, "test": False}.get(mode[0]) if mode else None
