"""Preview: a page of the source as it would be read now, with the schema that can be inferred. Nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ingestion import actions
from ingestion.actions import Actor
from ingestion.admin.kit import commands
from ingestion.admin.kit.payloads import visible
from ingestion.core.errors import IngestionError
from ingestion.models import Connection
from ingestion.previews import Preview
from ingestion.redaction import mask

if TYPE_CHECKING:
    from ingestion.admin.kit.scoped import TenantScoped


def preview_view(page: TenantScoped, request: HttpRequest, object_id: str) -> HttpResponse:
    """GET explains and offers, POST fetches: looking at the page of a source is a call with the tenant's credential."""
    user: Any = request.user
    connection = page.own_object(request, object_id)
    if not user.has_perm("ingestion.run_connection"):
        raise PermissionDenied
    if connection is None:
        return page.no_such_object(request, object_id)
    sample_context = fetch(user, connection) if request.method == "POST" else {}
    context = {
        **page.admin_site.each_context(request),
        **sample_context,
        "title": _("Preview: %s") % connection,
        "opts": page.opts,
        "obj": connection,
        "object_url": reverse("admin:ingestion_connection_change", args=[connection.pk]),
        "command": commands.for_connection("preview", connection),
    }
    return TemplateResponse(request, "ingestion/preview.html", context)


def fetch(user: Any, connection: Connection) -> dict[str, Any]:
    """What `ingestion/preview_result.html` shows: a preview, or why there is none."""
    try:
        return {"preview": describe(actions.preview(Actor(user), connection))}
    except IngestionError as refusal:
        return {"refusal": visible(mask(str(refusal))), "refusal_class": type(refusal).__name__}


def describe(preview: Preview) -> dict[str, Any]:
    """The preview with nothing invisible in it: it comes from outside."""
    return {
        "count": preview.count,
        "refused": preview.refused,
        "notes": [visible(note) for note in preview.notes],
        "reasons": [visible(reason) for reason in preview.reasons],
        "records": [visible(record) for record in preview.records],
        "members": [
            {
                "path": visible(member.path),
                "types": ", ".join(member.types) or _("only null"),
                "often": _("always") if not member.missing else _("sometimes"),
                "nullable": member.nullable,
                "examples": ", ".join(visible(example) for example in member.examples),
                "masked": member.masked,
            }
            for member in preview.members
        ],
    }
