"""Forms of kinds that write a connection's config for people who do not write JSON.

A kind whose config is worth a form of its own names the view here, by the pipeline it is for.
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from ingestion.models import Connection

_views: dict[str, tuple[str, str]] = {}


def guide(pipeline: str, view: str, permission: str) -> None:
    """The admin view `view` (a URL name) edits connections of `pipeline`; it is asked with ?connection=<id>.

    `permission`: what it asks of its users besides "ingestion.run_connection".
    """
    _views[pipeline] = (view, permission)


def guided(connection: Connection, user: Any) -> str:
    """The address of the form for `connection`, '' where it has none or `user` may not use it."""
    view, permission = _views.get(connection.pipeline, ("", ""))
    may = view and user.has_perm(permission) and user.has_perm("ingestion.run_connection")
    return f"{reverse(view)}?connection={connection.pk}" if may else ""
