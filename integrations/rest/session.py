"""Sends the calls of one run to one declared source, with its credential, renewed once when it is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from ingestion import ConfigurationError, Context, IngestionError, Page, PrivateAddress, SourceChanged, Window
from integrations.http import Client, Limits, Response
from integrations.rest import placeholders
from integrations.rest.auth.authenticators import Authenticator, authenticator_for
from integrations.rest.auth.declared import ApiKey, AuthHeaders, NoAuth
from integrations.rest.auth.transport_hook import Connect
from integrations.rest.credential_policy import EchoDetector, restrict_context
from integrations.rest.declaration import Declaration
from integrations.rest.exchange import Call, RawResponse
from integrations.rest.prefetch import Prefetcher

_UNAUTHORISED = 401
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Session:
    """Calls to one source, for a `with` statement. The paginator requests pages through `fetch`."""

    def __init__(
        self,
        declaration: Declaration,
        ctx: Context,
        connect: Connect = Client,
        *,
        untrusted: bool = False,
        max_bytes: int | None = None,
    ) -> None:
        self._declaration, self._connect = declaration, connect
        self._max_bytes = min(declaration.max_page_bytes, max_bytes or declaration.max_page_bytes)
        self.call = build_call(declaration, ctx)
        self._untrusted = untrusted
        self._ctx = restrict_context(declaration, self.call, ctx, untrusted=untrusted)
        self._authenticator: Authenticator = authenticator_for(declaration.auth, self._ctx, connect)
        self._client: Client | None = None
        self._auth_headers: AuthHeaders | None = None
        self._prefetcher: Prefetcher | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    @property
    def secret_params(self) -> frozenset[str]:
        """The names of query parameters that carry the credential."""
        auth = self._declaration.auth
        return frozenset({auth.name} if isinstance(auth, ApiKey) and auth.place == "query" else ())

    def fetch(self, call: Call) -> Response:
        """The response to one call. Raises Transient, SourceChanged, or CredentialError after two refusals.

        The second attempt sends a renewed credential. One refusal proves nothing: a server behind a shared address may
        not know a new token yet, and a connection that is paused waits for a person.
        """
        prefetched = self._prefetcher.take(call) if self._prefetcher else None
        response = prefetched or self._send(call, call.accept | {_UNAUTHORISED})
        if response.status != _UNAUTHORISED or _UNAUTHORISED in call.accept:
            return response
        self._authenticator.renew()
        return self._send(call, call.accept)

    def prefetch(self, calls: Sequence[Call]) -> None:
        """Begin to fetch pages that will probably be requested next, with the headers in use."""
        if self._declaration.concurrency > 1 and self._auth_headers is not None:
            if self._prefetcher is None:
                self._prefetcher = Prefetcher(self._ctx, self._declaration.concurrency - 1, self._open_client)
            self._prefetcher.start(calls)

    def check_response(self, response: RawResponse, body: bytes) -> None:
        """Raise SourceChanged for a response that repeats a value of the credential, before it is looked through.

        `body` is the response's body in UTF-8. A declaration may make the source repeat what was sent to it: records
        would then show the credential, and a path with a filter would reveal it bit by bit.
        """
        headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
        if self._repeats_credential([response.body, *([] if body is response.body else [body]), _bytes(headers)]):
            raise self._echo_error()

    def check_page(self, page: Page) -> None:
        """Raise SourceChanged for a page whose checkpoint or notes hold a value of the credential.

        The response may have spelled the value in a way that only decoding brings together, as in a next address.
        """
        if self._repeats_credential([_bytes(json.dumps([page.checkpoint, *page.notes], ensure_ascii=False))]):
            raise self._echo_error()

    def redact(self, error: IngestionError) -> IngestionError:
        """The error with the source's words, unless these would show a value of the credential to staff."""
        return self._echo_error() if self._repeats_credential([_bytes(str(error))]) else error

    def _repeats_credential(self, texts: Sequence[bytes]) -> bool:
        if not self._untrusted or isinstance(self._declaration.auth, NoAuth):
            return False
        return EchoDetector(self._ctx.credential().values, self._auth_headers).occurs_in(texts)

    def _echo_error(self) -> SourceChanged:
        return SourceChanged(
            f"The source's answer repeats a value of the credential {self._ctx.integration!r}, or a part of it; "
            "nothing of the answer was kept. Declare the call so that the source does not repeat what it is sent, as "
            "with the proof in a header; an API that always does so must be declared in code."
        )

    def _send(self, call: Call, accept: frozenset[int]) -> Response:
        client, url = self._current_client(), call.url
        try:
            return client.request(
                call.method,
                url,
                params=call.params,
                headers=call.headers,
                json=call.body,
                idempotent=True,
                accept=accept,
            )
        except PrivateAddress as error:
            if not self._untrusted:
                raise
            raise PrivateAddress(
                f"{error} An API that is declared in a connection's config needs more: the value `hosts` of the "
                f"tenant's credential {self._ctx.integration!r} must name its address."
            ) from error

    def _current_client(self) -> Client:
        """The client with the current headers; a new client after the credential was renewed."""
        auth_headers = self._authenticator.auth_headers()
        if self._client is None or auth_headers != self._auth_headers:
            self._close()
            self._auth_headers = auth_headers
            self._client = self._open_client(self._ctx)
        return self._client

    def _open_client(self, ctx: Context) -> Client:
        assert self._auth_headers is not None
        seconds = float(self._declaration.timeout)
        limits = Limits(read=seconds, deadline=max(Limits().deadline, 4 * seconds), body_bytes=self._max_bytes)
        auth_headers = self._auth_headers
        return self._connect(
            ctx, self.call.url, secret_headers=auth_headers.headers, secret_params=auth_headers.params, limits=limits
        )

    def _close(self) -> None:
        if self._prefetcher is not None:
            self._prefetcher.close()
        if self._client is not None:
            self._client.close()
            self._client = None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def build_call(declaration: Declaration, ctx: Context) -> Call:
    """The first call with every placeholder filled in. A run without a window reads everything until now."""
    window = ctx.window or Window(_EPOCH, ctx.now)
    if declaration.lookback and not ctx.backfill and ctx.window is not None:
        window = Window(max(_EPOCH, window.start - timedelta(seconds=declaration.lookback)), window.end)
    return _fill_call(declaration, window, ctx.config)


def require_fillable(declaration: Declaration, config: Mapping[str, Any]) -> None:
    """Raise ConfigurationError, which names the key, where no call could be made with the values of the config."""
    _fill_call(declaration, Window(_EPOCH, _EPOCH), config)


def _fill_call(declaration: Declaration, window: Window, config: Mapping[str, Any]) -> Call:
    base = placeholders.fill(declaration.base_url, window, config, _checked_for_address)
    path = placeholders.fill(declaration.path, window, config, _quoted_for_path)
    params: dict[str, Any] = placeholders.fill_all(
        {name: _parameter_text(value) for name, value in declaration.params.items()}, window, config
    )
    headers = {name: placeholders.fill(value, window, config) for name, value in declaration.headers.items()}
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise ConfigurationError(f"The header {name} may hold printable ASCII only.")
    body = placeholders.fill_all(declaration.body, window, config) if declaration.body is not None else None
    if declaration.method == "POST" and body is None:
        body = {}
    return Call(base + path, declaration.method, params, headers, body)


def _checked_for_address(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise ConfigurationError("A value of the config in the address may hold letters, digits, . _ and - only.")
    return text


def _quoted_for_path(text: str) -> str:
    if text.strip(".") == "":
        raise ConfigurationError("A value of the config that is part of the path must not be dots only.")
    return quote(text, safe="")


def _parameter_text(value: str | int | bool | list[str]) -> str | list[str]:
    if isinstance(value, list):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
