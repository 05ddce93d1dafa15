"""Sockets that reach only checked addresses and keep to the call's deadline and byte limit.

Timeouts of HTTP libraries begin anew at every read, so a server that sends a byte now and then holds a call for ever.
Here every wait is cut by the deadline, and broken into slices so that the run shows signs of life.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from ingestion import ConfigurationError
from integrations.http.addresses import Address, Network, Resolver, permitted, resolve
from integrations.http.call import SLICE, Call, current

_PIECE = 64 * 1024


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once, checks every address, connects to one of exactly these."""

    def __init__(
        self, resolver: Resolver, networks: Sequence[Network], sockets: httpcore.NetworkBackend | None = None
    ) -> None:
        self._resolver = resolver
        self._networks = networks
        self._sockets = sockets or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        call = current()
        until = call.clock() + min(call.limits.connect, call.left())
        addresses = self._addresses(call, host, port)
        failure: Exception = httpcore.ConnectTimeout()
        for tried, address in enumerate(addresses):
            call.beat()
            seconds = (until - call.clock()) / (
                len(addresses) - tried
            )  # so that one dead address leaves time for the next
            if seconds <= 0:
                break
            try:
                return GuardedStream(self._sockets.connect_tcp(str(address), port, seconds, None, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, call: Call, host: str, port: int) -> list[Address]:
        try:
            found = resolve(self._resolver, host, port, min(call.limits.connect, call.left()))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("The name was not resolved in time.") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("The name could not be resolved.") from error
        checked = permitted(host, found, self._networks)
        if not call.tls and not call.plain_http and not all(listed for _, listed in checked):
            raise ConfigurationError(f"{host} is called without encryption; use https://.")
        return [address for address, _ in checked]

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise ConfigurationError("Sources are reached over the network, not through a socket file.")


class GuardedStream(httpcore.NetworkStream):
    """A connection whose every wait belongs to the call that uses it now."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = current()
        until = call.clock() + call.limits.read
        while True:
            call.beat()
            seconds = min(call.left(), until - call.clock(), SLICE)
            if seconds <= 0:
                raise httpcore.ReadTimeout
            try:
                data = self._stream.read(max_bytes, seconds)
            except httpcore.ReadTimeout:
                continue
            call.took(len(data))
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = current()
        until = call.clock() + call.limits.read
        sock = self._stream.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            call.beat()
            seconds = min(call.left(), until - call.clock(), SLICE)
            if seconds <= 0:
                raise httpcore.WriteTimeout
            try:
                sock.settimeout(seconds)
                rest = rest[sock.send(rest[:_PIECE]) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore.WriteError("The connection broke while sending.") from error
            until = call.clock() + call.limits.read

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        call = current()
        seconds = min(call.limits.connect, call.left())
        return GuardedStream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
