"""Reconciliations: closed periods held against their source, what differs, and the two things to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ingestion import actions
from ingestion.actions import Actor
from ingestion.admin.kit import cells, commands
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import PipelineFilter
from ingestion.admin.kit.forms import OptionalReasonForm, ReasonForm
from ingestion.admin.kit.payloads import visible
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.core.windows import Window
from ingestion.models import ReconciledPeriod

_RUN = "ingestion.run_connection"
_PATIENCE = 10.0
"""Longest wait for a rate limit, in seconds, while an operator waits for the page."""


def _check(actor: Actor, period: ReconciledPeriod, values: Mapping[str, Any]) -> Done:
    window = Window(period.start, period.end)
    actions.reconcile(actor, period.connection, window, reason=values["reason"], patience=_PATIENCE)
    period.refresh_from_db()
    return Done(_("Checked: %s.") % period.get_state_display())


def _resync(actor: Actor, period: ReconciledPeriod, values: Mapping[str, Any]) -> Done:
    run = actions.resync(actor, period, reason=values["reason"])
    return Done(_("Backfill %s has begun; the period is checked again when it has ended.") % run.pk, show=run)


VERBS = [
    Verb("check", _("Check again"), _RUN, _check, OptionalReasonForm,
         explain=_("Asks the source for the figures of this period, now. Nothing is loaded."),
         command=commands.reconcile),
    Verb("resync", _("Re-sync this period"), _RUN, _resync, ReasonForm,
         applies=lambda period: period.state != ReconciledPeriod.State.MATCHED,
         explain=_("Reads the period again from the source, beside the live runs; the watermark does not move. "
                   "What the source no longer has stays stored."),
         command=commands.resync),
]  # fmt: skip


@admin.register(ReconciledPeriod)
class ReconciledPeriodAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["period", "pipeline", "tenant", "of_group", "standing", "declared", "stored", "apart", "checked"]
    list_filter = ["state", PipelineFilter, "tenant"]
    list_prefetch = ("tenant", "connection")
    sortable_by = ()
    change_form_template = "ingestion/reconciliation.html"
    verbs = VERBS

    @admin.display(description=_("period"))
    def period(self, row: ReconciledPeriod) -> str:
        return _in_words(row)

    @admin.display(description=_("pipeline"))
    def pipeline(self, row: ReconciledPeriod) -> str:
        return " · ".join(filter(None, (row.connection.pipeline, row.connection.name)))

    @admin.display(description=_("group"))
    def of_group(self, row: ReconciledPeriod) -> str:
        return visible(row.group) or cells.EMPTY

    @admin.display(description=_("state"))
    def standing(self, row: ReconciledPeriod) -> str:
        return cells.badge(f"period-{row.state}", row.get_state_display())

    @admin.display(description=_("source"))
    def declared(self, row: ReconciledPeriod) -> str:
        return _figure(row.declared_count, row.declared_sum)

    @admin.display(description=_("stored"))
    def stored(self, row: ReconciledPeriod) -> str:
        return _figure(row.stored_count, row.stored_sum)

    @admin.display(description=_("difference"))
    def apart(self, row: ReconciledPeriod) -> str:
        return row.difference or cells.EMPTY

    @admin.display(description=_("checked"))
    def checked(self, row: ReconciledPeriod) -> str:
        return cells.moment(row.checked_at)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            "period": obj,
            "standing": self.standing(obj),
            "words": _in_words(obj),
            "reason": visible(obj.reason),
            "differences": _differences(obj),
            "facts": _facts(obj),
            "verbs": self.offered(request, obj),
            "command": commands.show_reconciliation(obj),
        }


def _in_words(row: ReconciledPeriod) -> str:
    """A whole day by its date alone."""
    clock = (row.start.hour, row.start.minute, row.start.second, row.start.microsecond)
    if (row.end - row.start).total_seconds() == 24 * 3600 and not any(clock):
        return f"{row.start:%Y-%m-%d}"
    return f"{row.start:%Y-%m-%d %H:%M} – {row.end:%Y-%m-%d %H:%M} UTC"


def _figure(count: int | None, total: str) -> str:
    return cells.EMPTY if count is None else f"{count} · {total}"


def _differences(row: ReconciledPeriod) -> list[dict[str, Any]]:
    """Each kind with its title, how many there are, the first of them, and how many are not shown."""
    differing = [" ".join(map(str, row.values())) if isinstance(row, dict) else str(row) for row in row.differing]
    kinds = (
        (_("Missing: the source has them, the table has not"), row.missing_count, row.missing),
        (_("Extra: stored, but not named by the source"), row.extra_count, row.extra),
        (_("Differing: id, amount at the source, amount stored"), row.differing_count, differing),
    )
    return [
        {"title": title, "count": count, "ids": [visible(str(pk)) for pk in ids], "more": max(0, count - len(ids))}
        for title, count, ids in kinds
        if count
    ]


def _facts(row: ReconciledPeriod) -> list[tuple[Any, Any]]:
    facts = [
        (_("Connection"), cells.link("connection", row.connection_id, row.connection)),
        (_("Group"), visible(row.group)),
        (_("Checked"), cells.exactly(row.checked_at)),
        (_("Re-sync"), cells.link("run", row.resync_id, f"run {row.resync_id}") if row.resync_id else ""),
    ]
    return [(label, value) for label, value in facts if value != ""]
