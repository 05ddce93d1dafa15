"""Do PRIVATE_NETWORKS open more than the operator's own premises?"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from ingestion.checks.guarding import check
from ingestion.checks.settings import valid

_METADATA = ip_address("169.254.169.254")
_ON_PREMISES = [
    ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                "fc00::/7", "fe80::/10", "::1/128")
]  # fmt: skip


@check()
def check_networks(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    configured = valid()
    return (
        []
        if configured is None
        else [message for network in configured.PRIVATE_NETWORKS for message in _check(network)]
    )


def _check(network: IPv4Network | IPv6Network) -> list[CheckMessage]:
    if not any(network.version == premises.version and network.subnet_of(premises) for premises in _ON_PREMISES):  # type: ignore[arg-type]
        problem = "reaches beyond private networks, so that a source may call systems that you did not mean"
    elif _METADATA in network:
        problem = f"holds {_METADATA}, where clouds hand this machine's own credentials to whoever asks"
    else:
        return []
    return [
        checks.Warning(
            f'INGESTION["PRIVATE_NETWORKS"] lists {network}, which {problem}.',
            hint="List the few networks of your own in which sources are, as narrowly as you can.",
            id="ingestion.W011",
        )
    ]
