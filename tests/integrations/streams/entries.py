"""Builders of the streams' tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingestion import Pipeline
from ingestion.models import Run, Tenant
from integrations.streams import RedisStream
from tests.ingestion.runs import item, over
from tests.integrations.streams.conftest import KeptRedis

GROUP = "ingestion"


def reading(server: KeptRedis, **changes: Any) -> Pipeline:
    """The oracle's pipeline over the stream `orders:<tenant>`; `changes` are RedisStream's fields."""
    return over([], source=RedisStream("orders:{tenant}", url=server.url, **changes))


def add(server: KeptRedis, tenant: Tenant, *records: Mapping[str, Any], field: str = "data") -> list[str]:
    with server.client() as client:
        return [client.xadd(stream_of(tenant), {field: json.dumps(one)}).decode() for one in records]  # type: ignore[union-attr]


def add_items(server: KeptRedis, tenant: Tenant, first: int, last: int) -> list[str]:
    return add(server, tenant, *(item(number) for number in range(first, last + 1)))


def stream_of(tenant: Tenant) -> str:
    return f"orders:{tenant.key}"


def unacknowledged(server: KeptRedis, tenant: Tenant) -> int:
    with server.client() as client:
        return int(client.xpending(stream_of(tenant), GROUP)["pending"])  # type: ignore[index, arg-type]


def unread(server: KeptRedis, tenant: Tenant) -> int:
    with server.client() as client:
        groups: Any = client.xinfo_groups(stream_of(tenant))
        return len(client.xrange(stream_of(tenant), f"({groups[0]['last-delivered-id'].decode()}"))  # type: ignore[arg-type]


def wanted(count: int) -> dict[str, str]:
    return {f"rec_{number:04}": f"{number}.00" for number in range(1, count + 1)}


def failure(run: Run) -> tuple[str, str]:
    return run.state, run.error_class
