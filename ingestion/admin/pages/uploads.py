"""Uploading a file: choose a connection, send the bytes, land on the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion import actions
from ingestion.actions import Actor, Received
from ingestion.admin.kit.cells import size
from ingestion.admin.kit.ownership import only_own
from ingestion.conf import config as settings
from ingestion.core import registry
from ingestion.core.config_text import json_or_text
from ingestion.core.errors import ConfigurationError, IngestionError
from ingestion.core.ingestion_modes import takes_files
from ingestion.models import Connection

if TYPE_CHECKING:
    from ingestion.admin.kit.console import ConsoleAdmin


_BANK = "integrations.bank"
_OF_BANK_FILES = ("account", "layout")
"""Fields that only bank files have; they have no meaning for other kinds of file."""


class UploadForm(forms.Form):
    """A file for one of the user's own connections whose source reads files."""

    required_css_class = "required"
    connection = forms.ModelChoiceField(Connection.unscoped.none(), label=_("Connection"))
    file = forms.FileField(label=_("File"))
    account = forms.CharField(
        label=_("Account"), required=False, max_length=100, help_text=_("For files that do not say whose they are.")
    )
    layout = forms.CharField(
        label=_("Layout"),
        required=False,
        max_length=20_000,
        help_text=_("For files that fit several layouts: its name, or a layout of your own as JSON."),
    )
    settings = forms.CharField(
        label=_("Other settings"),
        required=False,
        help_text=_(
            "One a line, as name=value, for this file only. What a message calls --config name=value goes here."
        ),
        widget=forms.Textarea(attrs={"rows": 2, "cols": 40}),
    )
    again = forms.BooleanField(
        label=_("Take it again"),
        required=False,
        help_text=_("Even if the same bytes were taken before; what a message calls --again."),
    )

    def __init__(self, *args: Any, user: Any, of_banks: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connections = only_own(Connection.unscoped.filter(_able()), user)
        choices = connections.select_related("tenant").order_by("tenant__key", "pipeline", "name")
        self.fields["connection"].queryset = choices  # type: ignore[attr-defined]
        if not of_banks:
            for name in _OF_BANK_FILES:
                del self.fields[name]

    def clean_file(self) -> UploadedFile[Any]:
        """Refuse by the declared size before the bytes are read into memory; the action measures them again."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        limit = settings().MAX_UPLOAD_BYTES
        if (file.size or 0) > limit:
            raise ValidationError(_("The file has %(size)s; the limit is %(limit)s."), params={
                "size": size(file.size or 0), "limit": size(limit)})  # fmt: skip
        return file

    def clean_settings(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for setting in _settings(self.cleaned_data["settings"]):
            name, equals, value = setting.partition("=")
            if not equals or not name.strip():
                raise ValidationError(_("“%(line)s” is not name=value."), params={"line": setting[:200]})
            if name.strip() in values:
                raise ValidationError(_("“%(name)s” stands there twice."), params={"name": name.strip()})
            values[name.strip()] = _value(value.strip())
        return values

    def clean_layout(self) -> Any:
        """A name; where it begins like an object, the layout that it is."""
        layout: str = self.cleaned_data["layout"]
        return _value(layout) if layout.startswith("{") else layout

    def config(self) -> dict[str, Any]:
        """What the upload adds to the connection's config."""
        named = {name: self.cleaned_data[name] for name in _OF_BANK_FILES if self.cleaned_data.get(name)}
        return {**self.cleaned_data["settings"], **named}


def _settings(text: str) -> list[str]:
    """One a line; an object of JSON goes on until it is closed."""
    pairs: list[str] = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        if pairs and _is_open(pairs[-1]):
            pairs[-1] += f" {line}"
        else:
            pairs.append(line)
    return pairs


def _is_open(setting: str) -> bool:
    """Whether the object that a setting begins with has not come to its end."""
    value = setting.partition("=")[2].strip()
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        return value.startswith("{") and error.pos >= len(value)
    except (ValueError, RecursionError):
        return False
    return False


def _value(text: str) -> Any:
    try:
        return json_or_text(text)
    except ConfigurationError as error:
        raise ValidationError(str(error)) from error


def _able() -> Q:
    """Connections whose source reads files and whose pipeline is for their tenant."""
    able = Q(pk__in=())
    for pipeline in filter(takes_files, registry.registered()):
        served = Q() if pipeline.tenants is None else Q(tenant__key__in=pipeline.tenants)
        able |= Q(pipeline=pipeline.name) & served
    return able


def upload_view(page: ConsoleAdmin, request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if not page.has_view_permission(request) or not user.has_perm("ingestion.run_connection"):
        raise PermissionDenied
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    initial = {"connection": request.GET.get("connection", "")}
    form = UploadForm(*sent, user=user, of_banks=apps.is_installed(_BANK), initial=initial)
    if request.method == "POST" and form.is_valid():
        received = _receive(user, form)
        if received is not None:
            _tell(request, received)
            return HttpResponseRedirect(reverse("admin:ingestion_run_change", args=[received.run.pk]))
    title = gettext("Upload a file")
    context = {**page.admin_site.each_context(request), "title": title, "opts": page.opts, "form": form}
    return TemplateResponse(request, "ingestion/upload.html", context)


def _receive(user: Any, form: UploadForm) -> Received | None:
    file, values = form.cleaned_data["file"], form.cleaned_data
    try:
        return actions.upload(
            Actor(user), values["connection"], file.name, file.read(), config=form.config(), again=values["again"]
        )
    except ConfigurationError as refusal:
        form.add_error("settings", str(refusal))
        return None
    except IngestionError as refusal:
        form.add_error("file", str(refusal))
        return None


def _tell(request: HttpRequest, received: Received) -> None:
    if received.duplicate:
        messages.warning(request, f"{received.sentence} {gettext('Tick “Take it again” to insist.')}")
    else:
        messages.success(request, received.sentence)
