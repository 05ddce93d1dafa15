"""Known shapes: which fields a source's records have, what changed, side by side, and accepting or dismissing that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ingestion import actions
from ingestion.actions import Actor
from ingestion.admin.kit import cells, commands
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import PipelineFilter
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.payloads import visible
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.core import drift
from ingestion.core.shapes import Field
from ingestion.models import KnownShape

_WHAT = {
    "removed": _("gone"),
    "retyped": _("another type"),
    "required": _("required, not delivered"),
    "new": _("new"),
    "widened": _("may be more"),
}


class DecideForm(ReasonForm):
    """Names the version that was looked at, so that no operator decides about a version that came meanwhile."""

    version = forms.IntegerField(widget=forms.HiddenInput)


def _accept(actor: Actor, shape: KnownShape, values: Mapping[str, Any]) -> Done:
    actions.accept_shape(actor, shape.connection, values["reason"], version=values["version"])
    return Done(_("Accepted. Retry the run that was stopped."), show=shape.pending_run)


def _dismiss(actor: Actor, shape: KnownShape, values: Mapping[str, Any]) -> Done:
    actions.dismiss_shape(actor, shape.connection, values["reason"], version=values["version"])
    return Done(_("Dismissed. What was accepted before is still expected."))


class PendingFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("pending", _("Waits to be accepted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(pending_since__isnull=False) if self.value() == "pending" else queryset


@admin.register(KnownShape)
class KnownShapeAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["pipeline", "tenant", "standing", "changed"]
    list_filter = ["tenant", PipelineFilter, PendingFilter]
    list_prefetch = ("tenant", "connection")
    sortable_by = ()
    change_form_template = "ingestion/shape.html"
    verbs = [
        Verb("accept", _("Accept"), "ingestion.accept_shape", _accept, DecideForm,
             applies=lambda shape: shape.pending is not None,
             explain=_("What the source delivers now becomes what is expected of it. Then retry the run."),
             initial=lambda shape: {"version": shape.version},
             command=lambda shape: commands.for_connection("shape accept", shape.connection, "--reason", "…")),
        Verb("dismiss", _("Dismiss"), "ingestion.accept_shape", _dismiss, DecideForm,
             applies=lambda shape: shape.pending is not None,
             explain=_("What was accepted before is still expected. A run that finds the change again stops again; one "
                       "over deliveries, which never stops, notes it again."),
             initial=lambda shape: {"version": shape.version},
             command=lambda shape: commands.for_connection("shape dismiss", shape.connection, "--reason", "…")),
    ]  # fmt: skip

    @admin.display(description=_("pipeline"))
    def pipeline(self, shape: KnownShape) -> str:
        return " · ".join(filter(None, (shape.connection.pipeline, shape.connection.name)))

    @admin.display(description=_("state"))
    def standing(self, shape: KnownShape) -> str:
        return cells.badge("quiet", _("accepted")) if shape.pending is None else cells.badge("failed", _("changed"))

    @admin.display(description=_("changed"))
    def changed(self, shape: KnownShape) -> str:
        return cells.moment(shape.changed_at)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "verbs": self.offered(request, obj),
            "shape": obj,
            "standing": self.standing(obj),
            "facts": _facts(obj),
            "changes": [_change(change) for change in obj.pending_changes if isinstance(change, dict)],
            "fields": [_field(path, field) for path, field in drift.from_json(obj.shape).fields.items()],
            "command": commands.for_connection("shape show", obj.connection),
        }


def _change(change: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: visible(str(change.get(name, ""))) for name in ("path", "before", "now")}
    return {**texts, "what": _WHAT.get(str(change.get("kind", "")), "")}


def _field(path: str, field: Field) -> dict[str, Any]:
    share = f"{100 * field.present // field.of} %" if field.of else cells.EMPTY
    return {"path": visible(path), "types": drift.types_of(field), "share": share}


def _facts(shape: KnownShape) -> list[tuple[Any, Any]]:
    run = shape.pending_run_id
    facts = [
        (_("Connection"), cells.link("connection", shape.connection_id, shape.connection)),
        (_("Version"), shape.version),
        (_("Changed"), cells.exactly(shape.changed_at)),
        (_("Accepted"), cells.exactly(shape.accepted_at) if shape.accepted_at else ""),
        (_("Accepted by"), shape.accepted_by),
        (_("Pending since"), cells.exactly(shape.pending_since) if shape.pending_since else ""),
        (_("Found by"), cells.link("run", run, f"run {run}") if run else ""),
    ]
    return [(label, value) for label, value in facts if value != ""]
