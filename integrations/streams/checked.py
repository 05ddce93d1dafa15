"""A Redis client for addresses that tenants provide: it connects only to addresses that it checked to be public."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.connection import Connection, SSLConnection

from ingestion import ConfigurationError, PrivateAddress
from integrations.http import networks, permitted


def checked_client(url: str, private_networks: Sequence[str], **options: Any) -> redis.Redis:
    """A client for redis:// or rediss://. Raises ConfigurationError for another scheme or an address with options."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or parts.query or parts.fragment:
        raise ConfigurationError("The credential's url must be like rediss://user:password@host:6379/0, no options.")
    pool = redis.ConnectionPool.from_url(url, **options)
    pool.connection_class = _CheckedTls if parts.scheme == "rediss" else _Checked
    pool.connection_kwargs["private_networks"] = tuple(private_networks)
    return redis.Redis.from_pool(pool)


def is_allowed(address: str, private_networks: Sequence[str]) -> bool:
    """Whether the address (as text) may be connected to for a tenant, by the rule of the HTTP client."""
    try:
        permitted(address, [address.partition("%")[0]], networks(private_networks))
    except PrivateAddress:
        return False
    return True


class _Checked(Connection):
    """Resolves the name once, checks every address, and connects to one of exactly these."""

    def __init__(self, *args: Any, private_networks: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._private_networks = private_networks

    def _connect(self) -> socket.socket:
        infos = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        if not all(is_allowed(str(address[0]), self._private_networks) for *_, address in infos):
            raise ConfigurationError(
                "The address of Redis lies in a private network. Where it may be called, add that network to "
                'INGESTION["PRIVATE_NETWORKS"] (in the standalone project: the variable PRIVATE_NETWORKS).'
            )
        failure: OSError = OSError("The name has no address.")
        for family, socket_type, protocol, _, address in infos:
            connection = socket.socket(family, socket_type, protocol)
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.settimeout(self.socket_connect_timeout)
                connection.connect(address)
                connection.settimeout(self.socket_timeout)
                return connection
            except OSError as error:
                connection.close()
                failure = error
        raise failure


class _CheckedTls(SSLConnection, _Checked):
    """The checked connection with TLS; the certificate is still checked against the name."""
