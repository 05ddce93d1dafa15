"""Endpoints: which of the project's addresses a connection's sender delivers to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, get_script_prefix, get_urlconf
from django.urls.resolvers import RegexPattern

from ingestion.core import registry
from ingestion.core.errors import UnknownPipeline
from ingestion.core.ingestion_modes import takes_deliveries
from ingestion.models import Connection

_PARAMETER = re.compile(r"<(?:[^<>:]+:)?(\w+)>")


def path_of(connection: Connection) -> str:
    """The path that its sender delivers to; '' where the project's URLs have no endpoint for it, or its tenant is not
    served.

    An endpoint is a view that `ingestion.webhooks.receiver` made; it says which pipelines it is for.
    """
    try:
        pipeline = registry.get(connection.pipeline)
    except UnknownPipeline:
        return ""
    if not takes_deliveries(pipeline) or not pipeline.serves(connection.tenant.key):
        return ""
    named = {"tenant": connection.tenant.key, "connection": str(connection.public_id)}
    for route, pattern in addresses():
        accepts = getattr(pattern.callback, "accepts", None)
        if accepts is not None and set(_PARAMETER.findall(route)) == set(named) and accepts(pipeline):
            return get_script_prefix() + _PARAMETER.sub(lambda match: named[match[1]], route)
    return ""


def addresses() -> Iterator[tuple[str, URLPattern]]:
    """Every view of the project with its route; '' as the route where that is a regular expression."""
    if getattr(settings, "ROOT_URLCONF", None):
        yield from _within(get_resolver(get_urlconf()), "")


def _within(resolver: URLResolver, prefix: str | None) -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        plain = prefix is not None and not isinstance(entry.pattern, RegexPattern)
        route = f"{prefix}{entry.pattern}" if plain else None
        if isinstance(entry, URLResolver):
            yield from _within(entry, route)
        else:
            yield route or "", entry
