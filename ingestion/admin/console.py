"""The console's lists: read-only, calm, and as fast at ten million rows as at ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from ingestion.admin.paging import BoundedPaginator
from ingestion.admin.scoped import TenantScoped

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class ConsoleAdmin(TenantScoped, _ModelAdmin):
    """A tenant's rows to look at: nothing is added, changed or deleted here unless a subclass says so."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    list_select_related = ("tenant",)
    actions = None
    change_list_template = "ingestion/change_list.html"
    change_form_template = "ingestion/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
