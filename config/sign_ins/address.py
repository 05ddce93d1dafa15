"""Where a request comes from, as far as its sender cannot say it himself."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

_HOUSEHOLD = 64
"""Bits of an IPv6 address that one customer of a provider has; within them he changes it as often as he likes."""


def client_address(request: HttpRequest) -> str:
    """The last address of X-Forwarded-For behind a proxy, which has put it there; else the connection's own.

    Empty where there is none: over a UNIX socket, or without a request of HTTP.
    """
    peer = request.META.get("REMOTE_ADDR") or ""
    if settings.BEHIND_TLS_PROXY:
        _, _, last = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")
        return _plain(_without_port(last.strip())) or _plain(peer)
    return _plain(peer)


def counted_address(request: HttpRequest) -> str | None:
    """The address under which failures are counted: of IPv6 its network. None where it is unknown."""
    address = client_address(request)
    if ":" in address:
        return str(ip_network((address, _HOUSEHOLD), strict=False).network_address)
    return address or None


def _without_port(text: str) -> str:
    """Some gateways write `203.0.113.5:4711` and `[2001:db8::1]:4711`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    host, colon, port = text.rpartition(":")
    return host if colon and port.isdigit() and ":" not in host else text


def _plain(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))  # without a zone
    return str(address)
