"""Connections: one tenant's use of one pipeline, its state, and what an operator can do with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from ingestion import actions, endpoints, limits, scheduling
from ingestion.actions import Actor
from ingestion.admin.kit import cells
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import PipelineFilter
from ingestion.admin.kit.guides import guided
from ingestion.admin.kit.payloads import visible
from ingestion.admin.kit.verbs import OffersVerbs
from ingestion.admin.pages.connection_forms import ConfigForm, ConnectForm
from ingestion.admin.pages.connection_verbs import RUN, VERBS, can_preview, can_upload, in_words
from ingestion.admin.pages.previews import preview_view
from ingestion.admin.pages.uploads import upload_view
from ingestion.core import registry
from ingestion.core.errors import IngestionError
from ingestion.core.ingestion_modes import takes_files
from ingestion.core.text import counted
from ingestion.models import (
    AuditEntry,
    Connection,
    DeadLetter,
    Delivery,
    KnownShape,
    ReconciledPeriod,
    Run,
    Watermark,
)


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("late", _("Late")), ("paused", _("Paused")), ("failed", _("Last run failed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "late":
                return scheduling.late_among(queryset)
            case "paused":
                return queryset.filter(paused_at__isnull=False)
            case "failed":
                return queryset.filter(last_state=Run.State.FAILED)
        return queryset


@admin.register(Connection)
class ConnectionAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["pipeline", "name", "tenant", "state", "rhythm", "due", "last_run"]
    list_filter = ["tenant", PipelineFilter, StateFilter]
    ordering = ["pipeline", "tenant__key", "name"]
    sortable_by = ()
    change_list_template = "ingestion/connection_list.html"
    change_form_template = "ingestion/connection.html"
    verbs = VERBS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        runs = Run.unscoped.filter(connection_id=OuterRef("pk"), parent__isnull=True).order_by("-pk")
        latest = {f"last_{name}": Subquery(runs.values(name)[:1]) for name in ("id", "state", "created_at")}
        return super().get_queryset(request).annotate(**latest)  # type: ignore[no-any-return]  # annotated by name

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        late = scheduling.why_late(changelist.result_list)
        for row in changelist.result_list:
            row.late = late
        return changelist

    @admin.display(description=_("state"))
    def state(self, connection: Any) -> str:
        if connection.is_paused:
            return cells.badge("paused", _("paused"))
        if connection.pk in getattr(connection, "late", {}):
            reason = connection.late[connection.pk].reason
            return format_html('{} <span class="help">{}</span>', cells.badge("late", _("late")), reason)
        if connection.last_state in Run.ACTIVE:
            return cells.badge(connection.last_state, Run.State(connection.last_state).label)
        if connection.next_due:
            return cells.badge("quiet", _("waiting"))
        return format_html('{} <span class="help">{}</span>', cells.badge("quiet", _("on request")), _why(connection))

    @admin.display(description=_("schedule"))
    def rhythm(self, connection: Connection) -> str:
        return in_words(connection)

    @admin.display(description=_("next due"), ordering="next_due")
    def due(self, connection: Connection) -> str:
        return cells.EMPTY if connection.is_paused else cells.moment(connection.next_due)

    @admin.display(description=_("last run"))
    def last_run(self, connection: Any) -> str:
        if connection.last_id is None:
            return cells.EMPTY
        state = Run.State(connection.last_state)
        outcome = cells.link("run", connection.last_id, cells.badge(state, state.label))
        return format_html("{} {}", outcome, cells.moment(connection.last_created_at))

    def get_urls(self) -> list[URLPattern]:
        upload = self.admin_site.admin_view(self.upload)
        preview = self.admin_site.admin_view(self.preview)
        return [
            path("upload/", upload, name="ingestion_connection_upload"),
            path("<path:object_id>/preview/", preview, name="ingestion_connection_preview"),
            *super().get_urls(),
        ]

    def upload(self, request: HttpRequest) -> HttpResponse:
        return upload_view(self, request)

    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return preview_view(self, request, object_id)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        offered = self._operates(request) and any(map(takes_files, registry.registered()))
        return super().changelist_view(request, {**(extra_context or {}), "may_upload": offered})

    def _operates(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm(RUN))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._operates(request) and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._operates(request) and self.has_view_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return ["config"] if obj else ["tenant", "pipeline", "name", "config", "due", "every", "cron", "zone", "spread"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **{"form": ConfigForm if obj else ConnectForm, **kwargs})

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """In no transaction of Django's, as the actions have their own: a store of secrets far away may be asked.

        What an action refuses although the form did not is said above the page.
        """
        try:
            return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]
        except IngestionError as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = Actor(request.user)  # type: ignore[arg-type]
        if not change:
            with transaction.atomic():  # a config that is refused leaves no connection without one
                connection = actions.connect(actor, obj.tenant, obj.pipeline, obj.name, form.cleaned_data["declared"])
                if obj.config:
                    actions.configure(actor, connection, obj.config)
            obj.pk = connection.pk
        elif "config" in form.changed_data:
            actions.configure(actor, obj, obj.config)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        """A connection that nothing was declared for yet is declared next, where there is a form for that."""
        form = guided(obj, request.user)
        return HttpResponseRedirect(form) if form else super().response_post_save_add(request, obj)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        connection: Connection = obj
        runs = connection.runs.filter(parent__isnull=True).order_by("-pk")[:5]
        connection.hold_off = limits.hold_off_of(connection)  # type: ignore[attr-defined]  # what its verb looks at
        connection.late = scheduling.why_late([connection])  # type: ignore[attr-defined]  # what state() looks at
        return {
            "connection": connection,
            "state": self.state(connection),
            "due": self.due(connection),
            "schedule": in_words(connection),
            "verbs": self.offered(request, connection),
            "may_upload": self._operates(request) and can_upload(connection),
            "may_preview": self._operates(request) and can_preview(connection),
            "address": _address(request, connection),
            "guide": guided(connection, request.user),
            "hold_off": _describe_hold_off(connection),
            "runs": [(run, cells.badge(run.state, run.get_state_display())) for run in runs],
            "watermarks": connection.watermarks.order_by("-pk")[:3],
            "links": self._links(request, connection),
        }

    def _links(self, request: HttpRequest, connection: Connection) -> list[tuple[str, str]]:
        """Label and address of what belongs to it and this member of staff may see; its watermarks last."""
        query = {"tenant__id__exact": connection.tenant_id, "pipeline": connection.pipeline}
        pages: list[tuple[Any, Any, str]] = [
            (Run, _("All runs"), _listed("run", query)),
            (DeadLetter, _("Open dead letters"), _listed("deadletter", query)),
            (Delivery, _("Deliveries"), _listed("delivery", query)),
            (KnownShape, _("Shape of its records"), _shape_of(connection)),
            (ReconciledPeriod, _("Reconciliations"), _listed("reconciledperiod", query)),
            (AuditEntry, _("Audit trail"), _listed("auditentry", {"q": str(connection)})),
            (Watermark, _("Watermarks"), _listed("watermark", query)),
        ]
        shows = self.admin_site.get_model_admin
        return [
            (label, address) for model, label, address in pages if address and shows(model).has_view_permission(request)
        ]


def _why(connection: Connection) -> str:
    """Why it is due at no time of its own."""
    try:
        return scheduling.why_on_request(connection)
    except IngestionError as error:
        return str(error)


def _describe_hold_off(connection: Any) -> dict[str, Any] | None:
    """Which source is held off, until when, why, and how many runs wait for it; None without a hold-off."""
    hold_off = connection.hold_off
    if hold_off is None:
        return None
    waiting = limits.waiting_for(hold_off.tenant, hold_off.integration)
    return {
        "integration": hold_off.integration,
        "until": format_html("{} ({})", cells.exactly(hold_off.until), cells.moment(hold_off.until)),
        "why": visible(waiting[0].error_message) if waiting else "",
        "waiting": counted(len(waiting), "run waits", "runs wait"),
    }


def _address(request: HttpRequest, connection: Connection) -> str:
    """The address that the connection's sender delivers to, '' where it has no sender."""
    delivery_path = endpoints.path_of(connection)
    return request.build_absolute_uri(delivery_path) if delivery_path else ""


def _shape_of(connection: Connection) -> str:
    """The page of what its records look like, '' before its first run."""
    shape = KnownShape.objects.for_tenant(connection.tenant_id).filter(connection=connection).first()
    return reverse("admin:ingestion_knownshape_change", args=[shape.pk]) if shape else ""


def _listed(name: str, query: Mapping[str, Any]) -> str:
    return f"{reverse(f'admin:ingestion_{name}_changelist')}?{urlencode(query)}"
