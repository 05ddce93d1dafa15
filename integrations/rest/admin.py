"""The console's pages of REST records, read-only and for the user's tenants only, and of the form that adds an API."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ingestion.admin import ConsoleAdmin, guide
from ingestion.admin.kit.searching import find_by_source
from integrations.rest.declaring import PIPELINE, declare_view
from integrations.rest.exact_json import ExactEncoder
from integrations.rest.models import RestRecord

_MAX_SHOWN = 20_000

guide(PIPELINE, "admin:rest_restrecord_declare", "rest.view_restrecord")


@admin.register(RestRecord)
class RestRecordAdmin(ConsoleAdmin):
    list_display = ["external_id", "source", "updated_at", "loaded_at", "tenant"]
    list_filter = ["tenant", "updated_at"]
    sortable_by = ()
    search_fields = ["external_id"]
    search_help_text = _("The record's id, whole")
    change_list_template = "ingestion/rest_records.html"
    fields = ["tenant", "source", "external_id", "updated_at", "loaded_at", "run"]
    readonly_fields = ["laid_out"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """All rows without their records, which lists do not show and which may be large."""
        return super().get_queryset(request).defer("body")

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        return find_by_source(queryset, term, PIPELINE, request.user), False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """All fields. The record itself is a payload, so it is shown only to users who may see payloads."""
        user: Any = request.user
        return [*self.fields, *(["laid_out"] if user.has_perm("ingestion.view_payload") else [])]

    @admin.display(description=_("record"))
    def laid_out(self, record: RestRecord) -> str:
        text = json.dumps(json.loads(ExactEncoder().encode(record.body), parse_float=str), indent=2, ensure_ascii=False)
        return format_html('<pre class="sg-pre">{}</pre>', text[:_MAX_SHOWN])

    def get_urls(self) -> list[URLPattern]:
        declare = self.admin_site.admin_view(self.declare)
        return [path("declare/", declare, name="rest_restrecord_declare"), *super().get_urls()]

    def declare(self, request: HttpRequest) -> HttpResponse:
        return declare_view(self, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        user: Any = request.user
        may = user.has_perm("ingestion.run_connection")
        return super().changelist_view(request, {**(extra_context or {}), "may_declare": may})
