"""The page with the guided form: it checks, previews a page, then saves. It works without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from ingestion import IngestionError, actions
from ingestion.admin import fetch_preview, only_own
from ingestion.models import Connection
from integrations.rest.form_values import initial
from integrations.rest.forms import DeclareForm

if TYPE_CHECKING:
    from ingestion.admin import ConsoleAdmin

PIPELINE = "rest.records"


def declare_view(page: ConsoleAdmin, request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if not page.has_view_permission(request) or not user.has_perm("ingestion.run_connection"):
        raise PermissionDenied
    connection, is_missing = _requested_connection(request)
    if is_missing:
        messages.error(request, _("That connection is not there. Declare a new one here."))
        return HttpResponseRedirect(request.path)
    form_data: Any = {"data": request.POST} if request.method == "POST" else {"initial": _initial_values(connection)}
    form = DeclareForm(user=user, connection=connection, **form_data)
    result: dict[str, Any] = {}
    if request.method == "POST" and form.is_valid():
        if "_preview" in request.POST:
            result = fetch_preview(user, _unsaved_connection(form, connection))
        elif (saved := _save(user, form, connection)) is not None:
            messages.success(request, _("Saved. Look at a preview, then let it run."))
            return HttpResponseRedirect(reverse("admin:ingestion_connection_change", args=[saved.pk]))
    context = {
        **page.admin_site.each_context(request),
        **result,
        "title": _("Edit the REST API %s") % connection if connection else _("Add a REST API"),
        "opts": page.opts,
        "form": form,
        "groups": form.groups_with_fields(),
    }
    return TemplateResponse(request, "ingestion/rest_declare.html", context)


def _requested_connection(request: HttpRequest) -> tuple[Connection | None, bool]:
    """The connection to edit, and whether the request names one that does not exist or is not the user's."""
    requested = request.GET.get("connection", "")
    if not requested:
        return None, False
    visible = only_own(Connection.objects.for_user(request.user).select_related("tenant"), request.user)
    connection = (
        visible.filter(pipeline=PIPELINE, pk=int(requested)).first()
        if requested.isdecimal() and len(requested) < 19
        else None
    )
    return connection, connection is None


def _initial_values(connection: Connection | None) -> dict[str, Any]:
    if connection is not None:
        return initial(connection)
    return {"key": "id", "records": "$.data[*]"}


def _unsaved_connection(form: DeclareForm, connection: Connection | None) -> Connection:
    """The connection as it would be saved, for a preview."""
    if connection is not None:
        connection.config = form.config()
        return connection
    values = form.cleaned_data
    return Connection(tenant=values["tenant"], pipeline=PIPELINE, name=values["name"], config=form.config())


def _save(user: Any, form: DeclareForm, connection: Connection | None) -> Connection | None:
    actor, values = actions.Actor(user), form.cleaned_data
    try:
        with transaction.atomic():
            if connection is None:
                tenant, name = values["tenant"], values["name"]
                if Connection.objects.for_tenant(tenant).filter(pipeline=PIPELINE, name=name).exists():
                    form.add_error("name", _("The tenant has an API of this name; edit that one, or choose another."))
                    return None
                connection = actions.connect(actor, tenant, PIPELINE, name)
            actions.configure(actor, connection, form.config(), values["reason"])
    except IngestionError as refusal:
        form.add_error(None, str(refusal))
        return None
    return connection
