"""Is INGESTION understood, and does Django's own configuration fit?"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ingestion.conf import Settings, config

TAG = "ingestion"
_METADATA = ip_address("169.254.169.254")
_ON_PREMISES = [
    ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                "fc00::/7", "fe80::/10", "::1/128")
]  # fmt: skip


def valid() -> Settings | None:
    """The settings, or None when E001 has something to say; the other checks then say nothing."""
    try:
        return config()
    except ImproperlyConfigured:
        return None


@register(TAG)
def check_settings(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    try:
        given = config()
    except ImproperlyConfigured as error:
        return [
            Error(str(error), hint="docs/reference/settings.md lists every key with its default.", id="ingestion.E001")
        ]
    return [*_check_function(given.TENANTS_FOR_USER), *_check_time_zone(), *_check_networks(given.PRIVATE_NETWORKS)]


def _check_function(path: str) -> list[CheckMessage]:
    if not path:
        return []
    try:
        usable = callable(import_string(path))
    except ImportError:
        usable = False
    if usable:
        return []
    return [
        Error(
            f'INGESTION["TENANTS_FOR_USER"] names {path!r}, which is not a function that can be imported.',
            hint="Write it as package.module.function, taking a user and giving the ids of the tenants they may see.",
            id="ingestion.E006",
        )
    ]


def _check_time_zone() -> list[CheckMessage]:
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is False: windows, leases and watermarks would be off by hours and jump twice a year.",
            hint="Set USE_TZ = True. Django then stores times in UTC and shows them in TIME_ZONE.",
            id="ingestion.E004",
        )
    ]


def _check_networks(listed: Sequence[IPv4Network | IPv6Network]) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for network in listed:
        if not any(network.version == one.version and network.subnet_of(one) for one in _ON_PREMISES):  # type: ignore[arg-type]
            what = "reaches beyond private networks, so that a source may call systems that you did not mean"
        elif _METADATA in network:
            what = f"holds {_METADATA}, where clouds hand this machine's own credentials to whoever asks"
        else:
            continue
        found.append(
            checks.Warning(
                f'INGESTION["PRIVATE_NETWORKS"] lists {network}, which {what}.',
                hint="List the few networks of your own in which sources are, as narrowly as you can.",
                id="ingestion.W011",
            )
        )
    return found
