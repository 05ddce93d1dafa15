"""The one HTTP client: every call of every kind to an outside system goes through it."""

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
from integrations.http.call import Call
from integrations.http.circuits import SHARED, Breaker, Circuits
from integrations.http.exchange import Asked, Outcome
from integrations.http.limits import DEFAULT, Limits
from integrations.http.network import GuardedBackend
from integrations.http.redaction import Redactor, names_a_secret, silence_httpcore
from integrations.http.response import Response
from integrations.http.transport import PooledTransport, trusted_certificates

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_ALWAYS = {"accept": "application/json, */*;q=0.5", "accept-encoding": "gzip", "user-agent": "Sluicegate"}
silence_httpcore()


class Client:
    """Calls one source for one run. Use it in a `with`; it may be shared by that run's threads.

    `origin` is the source's address; a path in it is where relative addresses lie. `secret_headers` and
    `secret_params` go to this origin only and appear in no text. `transport`, `resolver`, `clock`, `sleep`,
    `certificates` and `breaker` are seams; with a `transport` of its own a client checks no address.
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
        self.origin = urls.base(origin)
        self.ctx = ctx
        self.limits = limits
        self._headers = dict(headers or {})
        self._secret_headers = {name.lower(): value for name, value in (secret_headers or {}).items()}
        self._secret_params = dict(secret_params or {})
        self._redact = Redactor(self._secret_headers, self._secret_params, _secrets(self._headers))
        self._plain_http = plain_http
        self._breaker = breaker or (SHARED if transport is None else Circuits())
        self._clock, self._sleep = clock, sleep
        guarded = GuardedBackend(resolver, networks(ctx.private_networks))
        self._transport = transport or PooledTransport(guarded, certificates())

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
        """One call, repeated when that is safe, until it succeeds or the deadline passes.

        `url` is a path or an absolute address of this origin; another origin is refused unless `elsewhere`, and then
        gets no credential. `idempotent` says that a POST may be repeated (it carries an idempotency key). Statuses in
        `accept` are returned instead of raised.

        Raises CredentialError (401, 403), Transient (429, 5xx, network, deadline), SourceChanged (other statuses,
        redirects, senseless or too large answers), CircuitOpen, PrivateAddress, ConfigurationError.
        """
        method = method.upper()
        target = urls.joined(self.origin, url)
        own = urls.origin(target) == urls.origin(self.origin)
        if not own and not elsewhere:
            raise SourceChanged(
                f"A link of {self.origin.host} leads to {target.host}, another origin; it was not called. "
                "Has the source moved?"
            )
        target = self._without_secrets(target)
        asked = Asked(
            method=method,
            url=target.copy_merge_params(dict(params)) if params else target,
            headers=self._sent_headers(headers or {}, own),
            secret_headers=self._secret_headers if own else {},
            secret_params=self._secret_params if own else {},
            body={"content": content, "data": data, "json": json},
            redact=self._redact.also(_secrets(headers or {})),
        )
        outcome = self._guarded(asked, own, method in _IDEMPOTENT if idempotent is None else idempotent, accept)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.response is not None
        return outcome.response

    def public_url(self, link: str) -> str:
        """`link` made absolute, without secret parameters (sources repeat them in next links): fit for a checkpoint."""
        return str(self._without_secrets(urls.joined(self.origin, link)))

    def _without_secrets(self, url: httpx.URL) -> httpx.URL:
        for name in self._secret_params.keys() & url.params.keys():
            url = url.copy_remove_param(name)
        return url

    def _sent_headers(self, given: Mapping[str, str], own: bool) -> dict[str, str]:
        named = {name.lower(): value for name, value in {**_ALWAYS, **self._headers, **given}.items()}
        return named if own else {name: value for name, value in named.items() if not names_a_secret(name)}

    def _guarded(self, asked: Asked, own: bool, again: bool, accept: Container[int]) -> Outcome:
        """The call behind its circuit breaker."""
        key = (self.ctx.tenant.key, asked.url.netloc.decode("ascii"))
        blocked = self._breaker.blocked(key)
        if blocked:
            text = f"{asked.url.host} kept failing and is left alone for {blocked:.0f} s more."
            return Outcome(error=CircuitOpen(text, retry_after=blocked))
        ends = self._clock() + min(self.limits.deadline, self.ctx.left())
        call = Call(self.ctx.next_call_id(), self.limits, ends, self._clock, self.ctx.beat, self._plain_http)
        attempts = Attempts(self.ctx, self._transport, self._sleep, call, asked, own, accept)
        outcome = attempts.all(self.limits.attempts if again else 1)
        if outcome.alive:
            self._breaker.succeeded(key)
        elif (outcome.status or isinstance(outcome.error, Transient)) and self.ctx.left() > 0:  # else it was us
            opened = self._breaker.failed(key)
            if opened and own:
                self.ctx.hold_off(opened)
        return outcome


def _secrets(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if names_a_secret(name)}
