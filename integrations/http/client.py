"""The HTTP client through which every integration calls outside systems."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Container, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from ingestion import CircuitOpen, Context, SourceChanged, Transient
from integrations.http import urls
from integrations.http.addresses import Resolver, networks, system_resolver
from integrations.http.attempts import Attempts
from integrations.http.call import ClientCall
from integrations.http.circuits import SHARED, Breaker, Circuits
from integrations.http.exchange import ExchangeOutcome, OutgoingRequest
from integrations.http.limits import DEFAULT, Limits
from integrations.http.network import GuardedBackend
from integrations.http.redaction import Redactor, names_a_secret, silence_httpcore
from integrations.http.response import Response
from integrations.http.transport import PooledTransport, trusted_certificates

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_DEFAULT_HEADERS = {"accept": "application/json, */*;q=0.5", "accept-encoding": "gzip", "user-agent": "Sluicegate"}
silence_httpcore()


class Client:
    """Calls one source for one run. Use the client in a `with`; the threads of the run may share it.

    `origin` is the source's address; its path is the base of relative addresses. `secret_headers` and `secret_params`
    are sent to this origin only and appear in no text. `transport`, `resolver`, `clock`, `sleep`, `certificates` and
    `breaker` are seams; a client with its own `transport` checks no address.
    """

    def __init__(
        self,
        ctx: Context,
        origin: str,
        *,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        secret_params: Mapping[str, str] | None = None,
        limits: Limits = DEFAULT,
        plain_http: bool = False,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
        resolver: Resolver = system_resolver,
        certificates: Callable[[], ssl.SSLContext] = trusted_certificates,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.origin = urls.parse_base_url(origin)
        self.ctx = ctx
        self.limits = limits
        self._headers = dict(headers or {})
        self._secret_headers = {name.lower(): value for name, value in (secret_headers or {}).items()}
        self._secret_params = dict(secret_params or {})
        self._redact = Redactor(self._secret_headers, self._secret_params, _secrets(self._headers))
        self._plain_http = plain_http
        self._breaker = breaker or (SHARED if transport is None else Circuits())
        self._clock, self._sleep = clock, sleep
        backend = GuardedBackend(resolver, networks(ctx.private_networks))
        self._transport = transport or PooledTransport(backend, certificates())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.origin.host} for {self.ctx.correlation_id}>"

    def close(self) -> None:
        self._transport.close()

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Container[int] = (),
        elsewhere: bool = False,
    ) -> Response:
        """`request("GET", …)`."""
        return self.request("GET", url, params=params, headers=headers, accept=accept, elsewhere=elsewhere)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        data: Mapping[str, Any] | None = None,
        json: Any = None,
        idempotent: bool | None = None,
        accept: Container[int] = (),
        elsewhere: bool = False,
    ) -> Response:
        """Make one call; repeat it, where that is safe, until it succeeds or the deadline passes.

        `url` is a path or an absolute address of this origin. Another origin is refused unless `elsewhere` is true,
        and gets no credential then. `idempotent` says that a POST may be repeated (it carries an idempotency key).
        Statuses in `accept` are returned instead of raised.

        Raises CredentialError (401, 403), Transient (429, 5xx, network, deadline), SourceChanged (other statuses,
        redirects, senseless or too large answers), CircuitOpen, PrivateAddress, ConfigurationError.
        """
        method = method.upper()
        target = urls.absolute_url(self.origin, url)
        to_own_origin = urls.origin(target) == urls.origin(self.origin)
        if not to_own_origin and not elsewhere:
            raise SourceChanged(
                f"A link of {self.origin.host} leads to {target.host}, another origin; it was not called. "
                "Has the source moved?"
            )
        target = self._without_secrets(target)
        request = OutgoingRequest(
            method=method,
            url=target.copy_merge_params(dict(params)) if params else target,
            headers=self._headers_for(headers or {}, to_own_origin),
            secret_headers=self._secret_headers if to_own_origin else {},
            secret_params=self._secret_params if to_own_origin else {},
            body={"content": content, "data": data, "json": json},
            redact=self._redact.also(_secrets(headers or {})),
        )
        repeatable = method in _IDEMPOTENT if idempotent is None else idempotent
        outcome = self._call(request, to_own_origin, repeatable, accept)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.response is not None
        return outcome.response

    def public_url(self, link: str) -> str:
        """`link` as an absolute address for a checkpoint, without secret parameters; sources repeat them in links."""
        return str(self._without_secrets(urls.absolute_url(self.origin, link)))

    def _without_secrets(self, url: httpx.URL) -> httpx.URL:
        for name in self._secret_params.keys() & url.params.keys():
            url = url.copy_remove_param(name)
        return url

    def _headers_for(self, headers: Mapping[str, str], to_own_origin: bool) -> dict[str, str]:
        """The call's headers with the client's; another origin gets none that may hold a credential."""
        merged = {name.lower(): value for name, value in {**_DEFAULT_HEADERS, **self._headers, **headers}.items()}
        if to_own_origin:
            return merged
        return {name: value for name, value in merged.items() if not names_a_secret(name)}

    def _call(
        self, request: OutgoingRequest, to_own_origin: bool, repeatable: bool, accept: Container[int]
    ) -> ExchangeOutcome:
        """Make the call unless its circuit breaker is open, and report the outcome to the breaker."""
        key = (self.ctx.tenant.key, request.url.netloc.decode("ascii"))
        blocked = self._breaker.blocked(key)
        if blocked:
            text = f"{request.url.host} kept failing and is left alone for {blocked:.0f} s more."
            return ExchangeOutcome(error=CircuitOpen(text, retry_after=blocked))
        deadline = self._clock() + min(self.limits.deadline, self.ctx.left())
        call = ClientCall(self.ctx.next_call_id(), self.limits, deadline, self._clock, self.ctx.beat, self._plain_http)
        attempts = Attempts(self.ctx, self._transport, self._sleep, call, request, to_own_origin, accept)
        outcome = attempts.run(self.limits.attempts if repeatable else 1)
        if outcome.alive:
            self._breaker.succeeded(key)
        elif (outcome.status or isinstance(outcome.error, Transient)) and self.ctx.left() > 0:
            # Without time left the run's own limit ended the call, which says nothing of the host.
            open_seconds = self._breaker.failed(key)
            if open_seconds and to_own_origin:
                self.ctx.hold_off(open_seconds)
        return outcome


def _secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if names_a_secret(name)}
