"""Deliveries: what came from outside, whether it was taken in, and its bytes for those who may see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ingestion import actions, scheduling
from ingestion.actions import Actor
from ingestion.admin.kit import cells, commands
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import PipelineFilter
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.ownership import only_own
from ingestion.admin.kit.payloads import attachment, preview, visible
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.models import Connection, Delivery


def _abandon(actor: Actor, delivery: Delivery, values: Mapping[str, Any]) -> Done:
    actions.abandon_delivery(actor, delivery, values["reason"])
    return Done(_("Given up. Its bytes stay here until they are swept."))


def _waits(delivery: Delivery) -> bool:
    return delivery.state == Delivery.State.PENDING


@admin.register(Delivery)
class DeliveryAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["named", "pipeline", "tenant", "standing", "bytes", "received", "taken_in_by"]
    list_filter = ["state", PipelineFilter, "tenant"]
    list_prefetch = ("tenant", "connection")
    search_fields = ["delivery_id"]
    search_help_text = _("The sender's id of the delivery, whole")
    sortable_by = ()
    change_form_template = "ingestion/delivery.html"
    verbs = [
        Verb("abandon", _("Abandon"), "ingestion.triage_deadletter", _abandon, ReasonForm, _waits,
             _("Gives up what nobody can take in, or should. Nothing is deleted now."),
             commands.abandon_delivery),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leaves out the bodies: they are large, and not every user may see them."""
        return super().get_queryset(request).defer("body")

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        reasons = scheduling.why_pending(changelist.result_list)
        for row in changelist.result_list:
            row.waits_because = reasons.get(row.pk, "")
        return changelist

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        """By connection and id, because that is what the index holds."""
        if not term.strip():
            return queryset, False
        connections = only_own(Connection.unscoped.all(), request.user).values("pk")
        return queryset.filter(connection__in=connections, delivery_id=term.strip()), False

    @admin.display(description=_("delivery"))
    def named(self, delivery: Delivery) -> str:
        return cells.cut(visible(delivery.delivery_id), 60)

    @admin.display(description=_("pipeline"))
    def pipeline(self, delivery: Delivery) -> str:
        return " · ".join(filter(None, (delivery.connection.pipeline, delivery.connection.name)))

    @admin.display(description=_("state"))
    def standing(self, delivery: Any) -> str:
        badge = cells.badge(f"delivery-{delivery.state}", delivery.get_state_display())
        reason = getattr(delivery, "waits_because", "")  # on the list only; the page has a line for it
        return format_html('{} <span class="help">{}</span>', badge, reason) if reason else badge

    @admin.display(description=_("size"))
    def bytes(self, delivery: Delivery) -> str:
        return cells.size(delivery.size)

    @admin.display(description=_("received"))
    def received(self, delivery: Delivery) -> str:
        return cells.moment(delivery.received_at)

    @admin.display(description=_("taken in by"))
    def taken_in_by(self, delivery: Delivery) -> str:
        return cells.link("run", delivery.run_id, f"run {delivery.run_id}") if delivery.run_id else cells.EMPTY

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download)
        return [path("<path:object_id>/body/", download, name="ingestion_delivery_body"), *super().get_urls()]

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The whole body, noted in the audit trail."""
        user: Any = request.user
        delivery = self.own_object(request, object_id)
        if not user.has_perm("ingestion.view_payload"):
            raise PermissionDenied
        if delivery is None:
            return self.no_such_object(request, object_id)
        Actor(user).audit(delivery.tenant, "download", f"body of delivery {delivery.pk}", sha256=delivery.sha256)
        return attachment(bytes(delivery.body), f"delivery-{delivery.pk}.bin")

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        user: Any = request.user
        sees = user.has_perm("ingestion.view_payload")
        return {
            "delivery": obj,
            "verbs": self.offered(request, obj),
            "sees_payload": sees,
            "preview": preview(bytes(obj.body)) if sees else None,
            "facts": _facts(obj),
            "standing": self.standing(obj),
            "command": commands.for_delivery(obj),
        }


def _facts(delivery: Delivery) -> list[tuple[Any, Any]]:
    facts = [
        (_("Connection"), cells.link("connection", delivery.connection_id, delivery.connection)),
        (_("Delivery id"), visible(delivery.delivery_id)),
        (_("Content type"), visible(delivery.content_type)),
        (_("SHA-256"), delivery.sha256),
        (_("Waits because"), scheduling.why_pending([delivery]).get(delivery.pk, "")),
        (_("Received"), cells.exactly(delivery.received_at)),
        (_("Done"), cells.exactly(delivery.done_at) if delivery.done_at else ""),
        (_("Taken in by"), cells.link("run", delivery.run_id, f"run {delivery.run_id}") if delivery.run_id else ""),
        (_("Note"), visible(delivery.note)),
    ]
    return [(label, value) for label, value in facts if value != ""]
