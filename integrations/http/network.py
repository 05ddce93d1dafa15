"""Sockets that connect only to checked addresses and keep the call's deadline and byte limit.

The timeout of an HTTP library begins anew at every read, so a server that sends a byte now and then can hold a call for
ever. Here the deadline limits every wait, and each wait is split into slices with a heartbeat of the run between them.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore

from ingestion import ConfigurationError
from integrations.http.addresses import Address, Network, Resolver, permitted, resolve
from integrations.http.call import SLICE, ClientCall, current

_PIECE = 64 * 1024


class GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once, checks every address, and connects to one of exactly these."""

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
        until = call.clock() + min(call.limits.connect, call.seconds_left())
        addresses = self._addresses(call, host, port)
        failure: Exception = httpcore.ConnectTimeout()
        for tried, address in enumerate(addresses):
            call.beat()
            # An equal share of the time for each address, so that a dead one leaves time for the next.
            seconds = (until - call.clock()) / (len(addresses) - tried)
            if seconds <= 0:
                break
            try:
                return GuardedStream(self._sockets.connect_tcp(str(address), port, seconds, None, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, call: ClientCall, host: str, port: int) -> list[Address]:
        try:
            resolved = resolve(self._resolver, host, port, min(call.limits.connect, call.seconds_left()))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("The name was not resolved in time.") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("The name could not be resolved.") from error
        checked = permitted(host, resolved, self._networks)
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
    """A connection whose waits count against the call that uses it at that moment."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = current()
        until = call.clock() + call.limits.read
        while True:
            call.beat()
            seconds = min(call.seconds_left(), until - call.clock(), SLICE)
            if seconds <= 0:
                raise httpcore.ReadTimeout
            try:
                data = self._stream.read(max_bytes, seconds)
            except httpcore.ReadTimeout:
                continue
            call.count_received(len(data))
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        call = current()
        until = call.clock() + call.limits.read
        sock = self._stream.get_extra_info("socket")
        unsent = memoryview(buffer)
        while unsent:
            call.beat()
            seconds = min(call.seconds_left(), until - call.clock(), SLICE)
            if seconds <= 0:
                raise httpcore.WriteTimeout
            try:
                sock.settimeout(seconds)
                unsent = unsent[sock.send(unsent[:_PIECE]) :]
            except TimeoutError:
                continue
            except OSError as error:
                raise httpcore.WriteError("The connection broke while sending.") from error
            until = call.clock() + call.limits.read

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        call = current()
        seconds = min(call.limits.connect, call.seconds_left())
        return GuardedStream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
