"""System checks: what would go wrong later, said by `manage.py check`; docs/reference/checks.md explains each."""

from ingestion.checks import (
    connections,
    credentials,
    databases,
    networks,
    packages,
    pipelines,
    queues,
    settings,
    storages,
    urls,
)  # fmt: skip

__all__ = [
    "connections",
    "credentials",
    "databases",
    "networks",
    "packages",
    "pipelines",
    "queues",
    "settings",
    "storages",
    "urls",
]
