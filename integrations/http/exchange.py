"""One request and its response.

A failure is returned as a value, not raised: the traceback of a library's exception has frames that may hold a secret.
"""

from __future__ import annotations

import ssl
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar, cast

import h11
import httpx

from ingestion import ConfigurationError, IngestionError, SourceChanged, Transient
from integrations.http import status_mapping
from integrations.http.call import CURRENT, ClientCall, OutOfTime, TooLarge
from integrations.http.decompression import Damaged, Undecodable, decompress
from integrations.http.redaction import Redactor
from integrations.http.response import Response
from integrations.http.urls import without_query_values

_Cause = TypeVar("_Cause", bound=Exception)


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """A request as the caller wants it. Its repr shows `label` only, which holds no secret."""

    method: str = field(repr=False)
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    secret_headers: Mapping[str, str] = field(repr=False)
    secret_params: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    redact: Redactor = field(repr=False)
    label: str = field(init=False)
    """Method, host and path for logs and errors, without secrets."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", f"{self.method} {self.redact(without_query_values(self.url))}")


@dataclass(frozen=True, slots=True)
class ExchangeOutcome:
    """How one exchange ended: with a response, an error, or (a redirect) both."""

    response: Response | None = None
    error: IngestionError | None = None
    repeatable: bool = False
    """Whether another attempt may succeed."""
    hold_off: float | None = None
    """Seconds for which the source wants no further calls."""
    status: int = 0

    @property
    def throttled(self) -> bool:
        """Whether the source reported too many calls; `hold_off` says how long to wait, if the source did."""
        return self.status == 429 or (self.status == 403 and isinstance(self.error, Transient))

    @property
    def alive(self) -> bool:
        """Whether the host responded without a server error, if only with a request to wait."""
        return 0 < self.status < 500


def exchange(
    transport: httpx.BaseTransport, request: OutgoingRequest, call: ClientCall, accept: Container[int]
) -> ExchangeOutcome:
    """Send the request once and read the response, within the call's deadline."""
    call.received, call.tls = 0, request.url.scheme == "https"
    token = CURRENT.set(call)
    try:
        call.seconds_left()
        return _classify(_send(transport, request, call), request, call, accept)
    except OutOfTime:
        return ExchangeOutcome(
            error=Transient(f"{request.label} took too long (Limits.deadline: {call.limits.deadline:g} s).")
        )
    except TooLarge as error:
        advice = "Ask for smaller pages, or raise the limit if that is right (a preview takes less: try a dry-run)."
        text = f"{request.label} answered with {error}. {advice}"
        return ExchangeOutcome(error=SourceChanged(text))
    except Damaged as error:
        return ExchangeOutcome(error=Transient(f"{request.label}: the body is damaged, {error}."), repeatable=True)
    except Undecodable as error:
        return ExchangeOutcome(error=SourceChanged(f"{request.label}: the body cannot be read, {error}."))
    except ConfigurationError as error:
        return ExchangeOutcome(error=type(error)(request.redact(str(error))))
    except httpx.TransportError as error:
        return _transport_failure(error, request)
    finally:
        CURRENT.reset(token)


def _send(transport: httpx.BaseTransport, request: OutgoingRequest, call: ClientCall) -> Response:
    """Send the request and read the whole response."""
    reply = transport.handle_request(_httpx_request(request, call))
    try:
        encoding = reply.headers.get("content-encoding", "")
        body = decompress(cast("httpx.SyncByteStream", reply.stream), encoding, call.limits.body_bytes)
    finally:
        reply.close()
    framed = "content-length" in reply.headers or "transfer-encoding" in reply.headers
    return Response(
        reply.status_code, MappingProxyType(reply.headers), body, str(request.url), request.label, framed or not body
    )


def _httpx_request(request: OutgoingRequest, call: ClientCall) -> httpx.Request:
    url = request.url.copy_merge_params(dict(request.secret_params)) if request.secret_params else request.url
    headers = {**request.headers, **request.secret_headers, "x-request-id": call.id}
    try:
        return httpx.Request(request.method, url, headers=headers, **request.body)
    except (UnicodeError, httpx.InvalidURL):
        raise ConfigurationError(
            f"{request.label} has a header or address with characters that HTTP cannot carry."
        ) from None


def _classify(
    response: Response, request: OutgoingRequest, call: ClientCall, accept: Container[int]
) -> ExchangeOutcome:
    """The outcome that the response's status means."""
    status, headers = response.status, response.headers
    hold_off = status_mapping.requested_wait(status, headers, call.limits)
    if status in accept:
        return ExchangeOutcome(response, None, False, hold_off, status)
    error = status_mapping.status_error(status, headers, request.label, call.limits, response.body, request.url.host)
    return ExchangeOutcome(response, error, isinstance(error, Transient), hold_off, status)


def _transport_failure(error: httpx.TransportError, request: OutgoingRequest) -> ExchangeOutcome:
    """The outcome of a failure below HTTP. The libraries' own texts stay out: they quote sent and received bytes."""
    certificate = _cause(error, ssl.SSLCertVerificationError)
    if certificate is not None:
        return ExchangeOutcome(
            error=SourceChanged(
                f"{request.label}: the certificate of {request.url.host} is not valid ({certificate.verify_message}); "
                "nothing was sent. Renew it, or install your own authority's certificate on this machine."
            )
        )
    if isinstance(error, httpx.LocalProtocolError):
        fault = "a header with characters that HTTP cannot carry, such as a line break in a credential"
        return ExchangeOutcome(error=ConfigurationError(f"{request.label} has {fault}."))
    protocol = _cause(error, h11.RemoteProtocolError)
    if protocol is not None and protocol.error_status_hint == 431:
        return ExchangeOutcome(error=SourceChanged(f"{request.label} answered with headers that are too large."))
    trouble = _TROUBLE.get(type(error), "the network failed")
    return ExchangeOutcome(error=Transient(f"{request.label}: {trouble}."), repeatable=True)


_TROUBLE: Mapping[type[Exception], str] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the source did not take the request in time",
    httpx.PoolTimeout: "too many calls at once",
    httpx.ConnectError: "no connection; is the host's name right, and is it up?",
    httpx.ReadError: "the connection broke while the answer came",
    httpx.WriteError: "the connection broke while the request was sent",
    httpx.RemoteProtocolError: "the answer broke off or breaks the rules of HTTP",
}


def _cause(error: BaseException | None, kind: type[_Cause]) -> _Cause | None:
    """The first error of type `kind` in the chain of causes of `error`."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
