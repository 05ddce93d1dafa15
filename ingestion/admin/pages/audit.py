"""The audit trail: what operators did, to what, and why."""

from __future__ import annotations

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit import cells
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.payloads import visible
from ingestion.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ConsoleAdmin):
    list_display = ["when", "actor_name", "action", "target", "tenant", "why"]
    list_filter = ["tenant"]
    search_fields = ["actor_name__istartswith", "target__istartswith", "action__istartswith"]
    search_help_text = _("The beginning of who, what or which")
    sortable_by = ()
    fields = ["when_exactly", "actor_name", "action", "target", "tenant", "reason", "details"]
    readonly_fields = ["when_exactly", "details"]

    @admin.display(description=_("when"))
    def when(self, entry: AuditEntry) -> str:
        return cells.moment(entry.at)

    @admin.display(description=_("when"))
    def when_exactly(self, entry: AuditEntry) -> str:
        return cells.exactly(entry.at)

    @admin.display(description=_("reason"))
    def why(self, entry: AuditEntry) -> str:
        return cells.cut(visible(entry.reason)) or cells.EMPTY

    @admin.display(description=_("details"))
    def details(self, entry: AuditEntry) -> str:
        if not entry.data:
            return cells.EMPTY
        text = json.dumps(entry.data, indent=2, ensure_ascii=False)
        return format_html('<pre class="sg-pre">{}</pre>', visible(cells.cut(text, 20_000)))
