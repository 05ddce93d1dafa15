"""One request and its answer. Whatever goes wrong comes back as a value, so that no library's frame, which may hold a
secret, is part of the error that the client raises.
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
from integrations.http.call import CURRENT, Call, OutOfTime, TooLarge
from integrations.http.decompression import Damaged, Undecodable, decoded
from integrations.http.redaction import Redactor
from integrations.http.response import Response
from integrations.http.urls import shown

_Cause = TypeVar("_Cause", bound=Exception)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the caller wants it; its repr is what may be told of it."""

    method: str = field(repr=False)
    url: httpx.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    secret_headers: Mapping[str, str] = field(repr=False)
    secret_params: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)
    redact: Redactor = field(repr=False)
    what: str = field(init=False)
    """The call in words that hold no secret."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", f"{self.method} {self.redact(shown(self.url))}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one exchange ended: with a response, an error, or (a redirect) both."""

    response: Response | None = None
    error: IngestionError | None = None
    again: bool = False
    """A repetition may succeed."""
    hold_off: float | None = None
    """Seconds that the source asks everybody to wait."""
    status: int = 0

    @property
    def throttled(self) -> bool:
        """The source said that there were too many calls; how long to wait, only where `hold_off` is there."""
        return self.status == 429 or (self.status == 403 and isinstance(self.error, Transient))

    @property
    def alive(self) -> bool:
        """The host answered, and nothing worse than that we are to wait."""
        return 0 < self.status < 500


def exchange(transport: httpx.BaseTransport, asked: Asked, call: Call, accept: Container[int]) -> Outcome:
    """Send and receive once, within what the call has left."""
    call.received, call.tls = 0, asked.url.scheme == "https"
    token = CURRENT.set(call)
    try:
        call.left()
        return _judged(_received(transport, asked, call), asked, call, accept)
    except OutOfTime:
        return Outcome(error=Transient(f"{asked.what} took too long (Limits.deadline: {call.limits.deadline:g} s)."))
    except TooLarge as error:
        advice = "Ask for smaller pages, or raise the limit if that is right (a preview takes less: try a dry-run)."
        text = f"{asked.what} answered with {error}. {advice}"
        return Outcome(error=SourceChanged(text))
    except Damaged as error:
        return Outcome(error=Transient(f"{asked.what}: the body is damaged, {error}."), again=True)
    except Undecodable as error:
        return Outcome(error=SourceChanged(f"{asked.what}: the body cannot be read, {error}."))
    except ConfigurationError as error:
        return Outcome(error=type(error)(asked.redact(str(error))))
    except httpx.TransportError as error:
        return _broken(error, asked)
    finally:
        CURRENT.reset(token)


def _received(transport: httpx.BaseTransport, asked: Asked, call: Call) -> Response:
    answer = transport.handle_request(_request(asked, call))
    try:
        encoding = answer.headers.get("content-encoding", "")
        body = decoded(cast("httpx.SyncByteStream", answer.stream), encoding, call.limits.body_bytes)
    finally:
        answer.close()
    framed = "content-length" in answer.headers or "transfer-encoding" in answer.headers
    return Response(
        answer.status_code, MappingProxyType(answer.headers), body, str(asked.url), asked.what, framed or not body
    )


def _request(asked: Asked, call: Call) -> httpx.Request:
    url = asked.url.copy_merge_params(dict(asked.secret_params)) if asked.secret_params else asked.url
    try:
        return httpx.Request(
            asked.method, url, headers={**asked.headers, **asked.secret_headers, "x-request-id": call.id}, **asked.body
        )
    except (UnicodeError, httpx.InvalidURL):
        raise ConfigurationError(
            f"{asked.what} has a header or address with characters that HTTP cannot carry."
        ) from None


def _judged(response: Response, asked: Asked, call: Call, accept: Container[int]) -> Outcome:
    status, headers = response.status, response.headers
    hold_off = status_mapping.wait_asked(status, headers, call.limits)
    if status in accept:
        return Outcome(response, None, False, hold_off, status)
    error = status_mapping.refusal(status, headers, asked.what, call.limits, response.body, asked.url.host)
    return Outcome(response, error, isinstance(error, Transient), hold_off, status)


def _broken(error: httpx.TransportError, asked: Asked) -> Outcome:
    """A failure below HTTP. The libraries' own texts stay out: they quote what was sent and received."""
    certificate = _cause(error, ssl.SSLCertVerificationError)
    if certificate is not None:
        return Outcome(
            error=SourceChanged(
                f"{asked.what}: the certificate of {asked.url.host} is not valid ({certificate.verify_message}); "
                "nothing was sent. Renew it, or install your own authority's certificate on this machine."
            )
        )
    if isinstance(error, httpx.LocalProtocolError):
        text = (
            f"{asked.what} has a header with characters that HTTP cannot carry, such as a line break in a credential."
        )
        return Outcome(error=ConfigurationError(text))
    protocol = _cause(error, h11.RemoteProtocolError)
    if protocol is not None and protocol.error_status_hint == 431:
        return Outcome(error=SourceChanged(f"{asked.what} answered with headers that are too large."))
    return Outcome(error=Transient(f"{asked.what}: {_TROUBLE.get(type(error), 'the network failed')}."), again=True)


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
    """The first error of `kind` among those that led to `error`."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None
