"""Raw bytes as they came in: uploaded files and pages of sources."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from ingestion import artifacts
from ingestion.actions import Actor
from ingestion.admin.kit import cells
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.payloads import attachment, visible
from ingestion.models import Artifact

_RUNS = 20


@admin.register(Artifact)
class ArtifactAdmin(ConsoleAdmin):
    list_display = ["short", "tenant", "kind", "bytes", "stored_bytes", "created"]
    list_filter = ["kind", "tenant"]
    sortable_by = ()
    search_fields = ["sha256"]
    search_help_text = _("The file's SHA-256, whole")
    fields = ["sha256", "tenant", "kind", "bytes", "stored_bytes", "created", "runs"]
    readonly_fields = ["bytes", "stored_bytes", "created", "runs"]
    change_form_template = "ingestion/artifact.html"

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[Any, bool]:
        return (queryset.filter(sha256=term.strip().lower()) if term.strip() else queryset), False

    @admin.display(description="SHA-256")
    def short(self, artifact: Artifact) -> str:
        return f"{artifact.sha256[:12]}…"

    @admin.display(description=_("size"))
    def bytes(self, artifact: Artifact) -> str:
        return cells.size(artifact.size)

    @admin.display(description=_("stored"))
    def stored_bytes(self, artifact: Artifact) -> str:
        return cells.size(artifact.stored_size)

    @admin.display(description=_("created"))
    def created(self, artifact: Artifact) -> str:
        return cells.moment(artifact.created_at)

    @admin.display(description=_("used by"))
    def runs(self, artifact: Artifact) -> str:
        links = artifact.run_links.filter(tenant_id=artifact.tenant_id).order_by("-pk")[:_RUNS]
        rows = ((cells.link("run", link.run_id, f"run {link.run_id}"), visible(link.name)) for link in links)
        return format_html_join(", ", "{} ({})", rows) or cells.EMPTY

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download)
        return [path("<path:object_id>/download/", download, name="ingestion_artifact_download"), *super().get_urls()]

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The original bytes, noted in the audit trail."""
        user: Any = request.user
        artifact = self.own_object(request, object_id)
        if not user.has_perm("ingestion.view_payload"):
            raise PermissionDenied
        if artifact is None:
            return self.no_such_object(request, object_id)
        try:
            data = artifacts.read(artifact)
        except artifacts.ArtifactDamaged as damage:
            messages.error(request, str(damage))
            return HttpResponseRedirect(reverse("admin:ingestion_artifact_change", args=[artifact.pk]))
        named = artifact.run_links.exclude(name="").order_by("pk").values_list("name", flat=True).first()
        Actor(user).audit(artifact.tenant, "download", f"artifact {artifact.pk}", sha256=artifact.sha256)
        uploaded_as = named if artifact.kind == Artifact.Kind.FILE else None
        return attachment(data, uploaded_as or f"{artifact.sha256[:12]}.bin")

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        user: Any = request.user
        return {"sees_payload": user.has_perm("ingestion.view_payload")}
