"""The console's lists: read-only, calm, and as fast at ten million rows as at ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import transaction
from django.db.models import prefetch_related_objects
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.text import capfirst

from ingestion.admin.kit import cells, unseen
from ingestion.admin.kit.paging import BoundedPaginator
from ingestion.admin.kit.read_only import ReadOnly
from ingestion.admin.kit.scoped import TenantScoped
from ingestion.models import Tenant

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class IndexedOrder(ChangeList):
    """A list whose last resort, the key, runs the way the chosen column does: as indexes are read."""

    def get_ordering(self, request: HttpRequest, queryset: Any) -> Any:
        ordering = list(super().get_ordering(request, queryset))
        if (
            len(ordering) > 1
            and ordering[-1] == "-pk"
            and isinstance(ordering[-2], str)
            and not ordering[-2].startswith("-")
        ):
            ordering[-1] = "pk"
        return ordering


class ConsoleAdmin(ReadOnly, TenantScoped, _ModelAdmin):
    """A tenant's rows to look at: nothing is added, changed or deleted here unless a subclass says so."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 200
    list_select_related: ClassVar[Any] = ()
    """Nothing: a join with a small table makes a database start there, and sort the large one for its first page."""
    list_prefetch: ClassVar[tuple[str, ...]] = ("tenant",)
    """Relations that are fetched for the rows of the shown page alone."""
    empty_value_display = cells.EMPTY
    actions: Any = None
    change_list_template = "ingestion/change_list.html"
    change_form_template = "ingestion/change_form.html"

    @property
    def urls(self) -> list[URLPattern]:
        """Every page of this table, with nothing on it that hides.

        In no transaction that ATOMIC_REQUESTS would open: some pages ask a source or a store of secrets.
        """
        patterns: list[URLPattern] = self.get_urls()
        for pattern in patterns:
            pattern.callback = unseen.make_visible(transaction.non_atomic_requests(pattern.callback))
        return patterns

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return IndexedOrder

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        if any("\0" in value for values in request.GET.lists() for value in values[1]):
            raise IncorrectLookupParameters  # answered with the list as it is unfiltered; PostgreSQL knows no NUL
        changelist = super().get_changelist_instance(request)
        changelist.title = str(capfirst(self.opts.verbose_name_plural))
        prefetch_related_objects(list(changelist.result_list), *self.list_prefetch)
        for spec in changelist.filter_specs:
            spec.template = "ingestion/filter.html"
        return changelist

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        context.update(show_save_and_add_another=False, show_save_and_continue=False)
        if obj is not None:
            context.update({"title": str(obj), "subtitle": None, **self.page_context(request, obj)})
        return super().render_change_form(request, context, add, change, form_url, obj)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the template of one row's page is given beside Django's own."""
        return {}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        sees = Tenant.objects.granted_to(request.user).exists  # asked only by a page that has no rows to show
        return super().changelist_view(request, {**(extra_context or {}), "sees_tenants": sees})
