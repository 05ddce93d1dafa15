"""The history of watermarks. Moved by runs, and by the verb "rewind" of a connection."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit import cells
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import PipelineFilter
from ingestion.models import Watermark


@admin.register(Watermark)
class WatermarkAdmin(ConsoleAdmin):
    list_display = ["mark", "pipeline", "tenant", "moved_by", "reason", "created"]
    list_filter = ["tenant", PipelineFilter]
    list_prefetch = ("tenant", "connection")
    sortable_by = ()
    fields = ["tenant", "connection", "mark", "moved_by", "reason", "created"]
    readonly_fields = ["mark", "moved_by", "created"]

    @admin.display(description=_("watermark"))
    def mark(self, watermark: Watermark) -> str:
        return cells.exactly(watermark.value)

    @admin.display(description=_("pipeline"))
    def pipeline(self, watermark: Watermark) -> str:
        return watermark.connection.pipeline

    @admin.display(description=_("moved by"))
    def moved_by(self, watermark: Watermark) -> str:
        run = watermark.run_id
        return cells.link("run", run, f"run {run}") if run else gettext("an operator")

    @admin.display(description=_("at"))
    def created(self, watermark: Watermark) -> str:
        return cells.moment(watermark.created_at)
