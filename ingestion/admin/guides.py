"""Forms of kinds that write a connection's config for people who do not write JSON.

A kind whose config is worth a form of its own names the view here, by the pipeline it is for.
"""

from __future__ import annotations

from django.urls import reverse

from ingestion.models import Connection

_views: dict[str, str] = {}


def guide(pipeline: str, view: str) -> None:
    """The admin view `view` (a URL name) edits connections of `pipeline`; it is asked with ?connection=<id>."""
    _views[pipeline] = view


def guided(connection: Connection) -> str:
    """The address of the form for `connection`, '' where it has none."""
    view = _views.get(connection.pipeline)
    return f"{reverse(view)}?connection={connection.pk}" if view else ""
