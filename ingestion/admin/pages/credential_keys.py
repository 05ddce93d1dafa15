"""Replacing the keys that seal credentials, from the console. For superusers: it is about every tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from ingestion import actions
from ingestion.actions import Actor
from ingestion.core.errors import IngestionError
from ingestion.vault import rotation

if TYPE_CHECKING:
    from ingestion.admin.kit.console import ConsoleAdmin


def keys_view(page: ConsoleAdmin, request: HttpRequest) -> HttpResponse:
    """The master keys with how much is under each, and a button that brings everything under the first one."""
    user: Any = request.user
    if not (user.is_active and user.is_superuser):
        raise PermissionDenied
    if request.method == "POST":
        _rotate(request)
        return HttpResponseRedirect(reverse("admin:ingestion_credential_keys"))
    try:
        unfinished, problem = len(rotation.unfinished()), ""
    except IngestionError as error:
        unfinished, problem = 0, str(error)
    context = {
        **page.admin_site.each_context(request), "title": gettext("Keys"), "opts": page.opts,
        "keys": rotation.in_use().items(), "unknown": rotation.unknown(), "left": unfinished, "problem": problem,
    }  # fmt: skip
    return TemplateResponse(request, "ingestion/credential_keys.html", context)


def _rotate(request: HttpRequest) -> None:
    rotated = 0
    try:
        for tenant, outcome in actions.rotate_keys(Actor(request.user)):  # type: ignore[arg-type]
            if isinstance(outcome, IngestionError):
                messages.error(request, f"{tenant}: {outcome}")
            else:
                rotated += 1
    except IngestionError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, ngettext("%s tenant has fresh keys.", "%s tenants have fresh keys.", rotated) % rotated
        )
