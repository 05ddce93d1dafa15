"""The bridge from httpx's requests to a connection pool on guarded sockets."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Iterator
from typing import Any, cast

import certifi
import httpcore
import httpx

_HTTPX_ERRORS = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


@functools.lru_cache(maxsize=1)
def trusted_certificates() -> ssl.SSLContext:
    """The machine's certificates (so that an installed private authority works) and the public authorities."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class PooledTransport(httpx.BaseTransport):
    """HTTP/1.1 without proxies, retries or redirects."""

    def __init__(self, backend: httpcore.NetworkBackend, certificates: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=certificates, max_connections=16, keepalive_expiry=15, network_backend=backend
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        core_request = httpcore.Request(
            request.method, url, headers=request.headers.raw, content=request.stream, extensions=request.extensions
        )
        try:
            reply = self._pool.handle_request(core_request)
        except tuple(_HTTPX_ERRORS) as error:
            raise _httpx_error(error) from error
        stream = _Stream(cast("Any", reply.stream))
        return httpx.Response(reply.status, headers=reply.headers, stream=stream, extensions=reply.extensions)

    def close(self) -> None:
        self._pool.close()


class _Stream(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except tuple(_HTTPX_ERRORS) as error:
            raise _httpx_error(error) from error

    def close(self) -> None:
        self._stream.close()


def _httpx_error(error: Exception) -> httpx.TransportError:
    return _HTTPX_ERRORS[type(error)](str(error))
