"""Which addresses may be called. Judged after resolution: a name or spelling says nothing about where it leads."""

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
"""All of IPv6 that was ever handed out. What lies outside is local, or carries an IPv4 address inside (RFC 4291)."""
_NEVER: tuple[Network, ...] = (
    IPv4Network("100.64.0.0/10"),  # carrier-grade NAT, RFC 6598
    IPv4Network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    IPv4Network("224.0.0.0/3"),  # multicast and reserved
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them, RFC 2928
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside, RFC 3056
    IPv6Network("3fff::/20"),  # documentation, RFC 9637
)
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The middle of an IPv6 address whose last 32 bits are an IPv4 address, RFC 5214."""


def system_resolver(host: str, port: int) -> list[str]:
    """What the operating system says, IPv4 and IPv6, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


def resolve(resolver: Resolver, host: str, port: int, timeout: float) -> Sequence[str]:
    """`resolver`'s answer within `timeout` seconds; raises TimeoutError or OSError.

    In a thread of its own, because the operating system's resolver takes no deadline. One that hangs is left behind; it
    ends when the operating system gives up.
    """
    answer: list[Sequence[str]] = []
    failure: list[Exception] = []

    def ask() -> None:
        try:
            answer.append(resolver(host, port))
        except Exception as error:  # noqa: BLE001 - handed over to the thread that waits
            failure.append(error)

    asking = threading.Thread(target=ask, name="resolver", daemon=True)
    asking.start()
    asking.join(timeout)
    if failure:
        if isinstance(failure[0], OSError):
            raise failure[0]
        raise OSError("The name cannot be looked up.")
    if not answer:
        raise TimeoutError
    return answer[0]


def permitted(host: str, found: Sequence[str], networks: Sequence[Network]) -> list[tuple[Address, bool]]:
    """The addresses of `host`, each with whether it lies in `networks`. Raises PrivateAddress for the first bad one.

    One bad address condemns the whole answer: a name that leads inside as well as outside is not to be trusted.
    """
    addresses = [ip_address(one) for one in found]
    for address in addresses:
        if not (_listed(address, networks) or is_public(address)):
            # Which one it is, is in our log: staff of a tenant could ask for names until they knew our network.
            logger.warning("%s leads to %s, not a public address.", host, address, extra={"event": "private_address"})
            leads = "is no public address" if host == str(address) else "leads to an address that is not public"
            raise PrivateAddress(
                f"{host} {leads}. If it is a system of your own, add its network to "
                'INGESTION["PRIVATE_NETWORKS"] (in the standalone project: the variable PRIVATE_NETWORKS). The log '
                "says where it leads."
            )
    return [(address, _listed(address, networks)) for address in addresses]


def is_public(address: Address) -> bool:
    """True for unicast addresses of the public internet that carry no other address inside."""
    if not address.is_global or any(address in network for network in _NEVER if network.version == address.version):
        return False
    if isinstance(address, IPv4Address):
        return True
    return address in _UNICAST and (int(address) >> 32 & 0xFFFFFFFF) not in _ISATAP


def networks(listed: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ip_network(one) for one in listed)


def _listed(address: Address, allowed: Sequence[Network]) -> bool:
    return any(address in network for network in allowed if network.version == address.version)
