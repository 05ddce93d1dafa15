"""Contexts and clients of tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingestion import Context, TenantRef
from integrations.http import Circuits, Client, Limits

LOCAL = ("127.0.0.0/8",)
HASTY = Limits(connect=1, read=0.4, deadline=2.0, wire_bytes=300_000, body_bytes=1_000_000, backoff=0.02)
HELD_UP = 20.0
"""Seconds that a busy machine may take beside a deadline. What keeps to none goes on until the server is closed."""


@dataclass(slots=True)
class Told:
    """What a client told the engine."""

    throttled: list[float] = field(default_factory=list)
    held_off: list[float] = field(default_factory=list)
    beats: int = 0

    def beat(self) -> None:
        self.beats += 1


def context(told: Told | None = None, networks: tuple[str, ...] = LOCAL, **values: Any) -> Context:
    told = told or Told()
    hooks: dict[str, Any] = {"beat": told.beat, "throttle": told.throttled.append, "hold_off": told.held_off.append}
    return Context(
        tenant=TenantRef(1, "acme"),
        pipeline="shop.orders",
        run_id=7,
        now=datetime(2026, 1, 1, tzinfo=UTC),
        private_networks=networks,
        **{**hooks, **values},
    )


def client(origin: str, told: Told | None = None, **options: Any) -> Client:
    ctx = options.pop("ctx", None) or context(told)
    return Client(ctx, origin, **{"limits": HASTY, "breaker": Circuits(after=1000), **options})
