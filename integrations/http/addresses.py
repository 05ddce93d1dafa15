"""Which addresses may be called. Addresses are checked after resolution: a name says nothing about where it leads."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ingestion import PrivateAddress

logger = logging.getLogger("ingestion.http")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""From a host name and port to addresses as text. Raises OSError when there are none."""

_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that was ever allocated. Other addresses are local, or contain an IPv4 address (RFC 4291)."""
_NEVER: tuple[Network, ...] = (
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT, RFC 6598
    IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    IPv4Network("224.0.0.0/3"),  # multicast and reserved
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them, RFC 2928
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: contains an IPv4 address, RFC 3056
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The middle of an IPv6 address whose last 32 bits are an IPv4 address, RFC 5214."""


def system_resolver(host: str, port: int) -> list[str]:
    """The operating system's addresses of `host`, IPv4 and IPv6, in its order."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in infos))


def resolve(resolver: Resolver, host: str, port: int, timeout: float) -> Sequence[str]:
    """The addresses that `resolver` gives within `timeout` seconds. Raises TimeoutError or OSError.

    The resolver runs in a thread of its own, because the operating system's takes no deadline. A thread that hangs is
    abandoned; it ends when the operating system gives up.
    """
    addresses: list[Sequence[str]] = []
    failure: list[Exception] = []

    def look_up() -> None:
        try:
            addresses.append(resolver(host, port))
        except Exception as error:  # noqa: BLE001 - handed over to the thread that waits
            failure.append(error)

    thread = threading.Thread(target=look_up, name="resolver", daemon=True)
    thread.start()
    thread.join(timeout)
    if failure:
        if isinstance(failure[0], OSError):
            raise failure[0]
        raise OSError("The name cannot be looked up.")
    if not addresses:
        raise TimeoutError
    return addresses[0]


def permitted(host: str, resolved: Sequence[str], networks: Sequence[Network]) -> list[tuple[Address, bool]]:
    """The addresses of `host`, each with whether it lies in `networks`. Raises PrivateAddress for the first bad one.

    One bad address is enough: a name that leads to a private address as well as to a public one is not trusted.
    """
    addresses = [ip_address(text) for text in resolved]
    for address in addresses:
        if not (_is_in_networks(address, networks) or is_public(address)):
            # Only our log names the address: a tenant's staff could otherwise try names until they knew our network.
            logger.warning("%s leads to %s, not a public address.", host, address, extra={"event": "private_address"})
            leads = "is no public address" if host == str(address) else "leads to an address that is not public"
            raise PrivateAddress(
                f"{host} {leads}. If it is a system of your own, add its network to "
                'INGESTION["PRIVATE_NETWORKS"] (in the standalone project: the variable PRIVATE_NETWORKS). The log '
                "says where it leads."
            )
    return [(address, _is_in_networks(address, networks)) for address in addresses]


def is_public(address: Address) -> bool:
    """True for unicast addresses of the public internet that contain no other address."""
    if not address.is_global or any(address in network for network in _NEVER if network.version == address.version):
        return False
    if isinstance(address, IPv4Address):
        return True
    return address in _UNICAST and (int(address) >> 32 & 0xFFFFFFFF) not in _ISATAP


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


def _is_in_networks(address: Address, allowed: Sequence[Network]) -> bool:
    return any(address in network for network in allowed if network.version == address.version)
