"""Two admins over the same tables: what a project writes without Sluicegate's mixin, and with it."""

from typing import Any

from django.contrib import admin
from django.urls import path

from ingestion.admin import BoundedPaginator, TenantScoped, TenantScopedInline, only_own
from ingestion.admin.pages.artifacts import ArtifactAdmin
from ingestion.models import Artifact, Connection, Event, Run, Tenant, Watermark


class EventInline(admin.TabularInline):
    model = Event
    extra = 1


class ScopedEventInline(TenantScopedInline, EventInline):
    pass


class PlainScoping:
    """What people write first."""

    def get_queryset(self, request: Any) -> Any:
        return only_own(super().get_queryset(request), request.user)  # type: ignore[misc]


class WatermarkPage(admin.ModelAdmin):
    list_display = ["id", "connection", "reason"]
    list_editable = ["connection", "reason"]
    list_filter = ["connection", "tenant", "run"]
    raw_id_fields = ["run", "tenant"]
    fields = ["tenant", "connection", "run", "value", "reason"]


class RunPage(admin.ModelAdmin):
    list_display = ["id", "tenant"]
    search_fields = ["pipeline"]
    ordering = ["pk"]
    fields = ["tenant", "connection", "pipeline", "kind"]
    autocomplete_fields = ["connection"]
    list_filter = ["connection__pipeline"]


class ConnectionPage(admin.ModelAdmin):
    search_fields = ["pipeline"]
    list_filter = ["tenant"]
    ordering = ["pk"]


class TenantPage(admin.ModelAdmin):
    search_fields = ["key"]


class CountsToFour(BoundedPaginator):
    """Reaches its limit without ten thousand rows."""

    limit = 4


plain_site = admin.AdminSite(name="plain")
scoped_site = admin.AdminSite(name="scoped")
for _model, _page in {Watermark: WatermarkPage, Run: RunPage, Connection: ConnectionPage, Tenant: TenantPage}.items():
    _values: dict[str, Any] = {"inlines": [EventInline]} if _model is Run else {}
    plain_site.register(_model, type(f"Plain{_page.__name__}", (PlainScoping, _page), _values))
    _values = {"inlines": [ScopedEventInline], "list_filter": ["connection"]} if _model is Run else {}
    scoped_site.register(_model, type(f"Scoped{_page.__name__}", (TenantScoped, _page), _values))

for _site in (plain_site, scoped_site):
    _site.enable_nav_sidebar = False  # a list of tables beside each page, which says nothing of their rows
scoped_site.register(Artifact, type("FewArtifacts", (ArtifactAdmin,), {"paginator": CountsToFour}))

urlpatterns = [
    path("plain/", plain_site.urls),
    path("scoped/", scoped_site.urls),
    path("admin/", admin.site.urls),
]
