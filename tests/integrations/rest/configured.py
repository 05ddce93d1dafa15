"""Sources that a connection's config declares, as staff may write them."""

from __future__ import annotations

from typing import Any

from integrations.rest.source import Configured
from tests.integrations.rest.worlds import World, context

HOST = "api.example.com"


def config(**values: Any) -> dict[str, Any]:
    return {"rest": {"base_url": f"https://{HOST}", "path": "/things", "records": "$", "key": "", **values}}


def extract(world: World, declared: dict[str, Any], **ctx: Any) -> Any:
    return list(Configured(world.connect).extract(context(config=declared, **ctx), None))


def preview(world: World, declared: dict[str, Any], **ctx: Any) -> Any:
    return Configured(world.connect).preview(context(config=declared, **ctx))
