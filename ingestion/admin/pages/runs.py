"""Runs: how far each one is, what it counted, what happened when, and how to stop or repeat it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ingestion import actions, scheduling
from ingestion.actions import Actor
from ingestion.admin.kit import cells, commands
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.filters import PipelineFilter
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.paging import bounded_count
from ingestion.admin.kit.payloads import visible
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.admin.pages.shards import ShardFilter, section
from ingestion.core.text import rejections
from ingestion.dead_letters import causes
from ingestion.models import DeadLetter, Event, Run
from ingestion.running import stalled

_TIMELINE = 100
_FILES = 50


def _cancel(actor: Actor, run: Run, values: Mapping[str, Any]) -> Done:
    actions.cancel(actor, run, values["reason"])
    return Done(_("Cancelled: a queued run ends now, a running one at its next batch."))


def _retry(actor: Actor, run: Run, values: Mapping[str, Any]) -> Done:
    again = actions.retry(actor, run, values["reason"])
    return Done(_("Run %(new)s repeats run %(old)s.") % {"new": again.pk, "old": run.pk}, show=again)


def _can_be_cancelled(run: Run) -> bool:
    return run.is_active and run.parent_id is None and (not run.cancel_requested or stalled.is_stalled(run))


def _can_be_retried(run: Run) -> bool:
    ended_badly = run.state in (Run.State.FAILED, Run.State.CANCELLED)
    return ended_badly and run.kind != Run.Kind.REPLAY and run.parent_id is None


VERBS = [
    Verb(
        "cancel",
        _("Cancel"),
        "ingestion.cancel_run",
        _cancel,
        ReasonForm,
        _can_be_cancelled,
        _("What was committed stays. The watermark does not move."),
        lambda run: commands.for_run("cancel", run, "--reason", "…"),
    ),
    Verb(
        "retry",
        _("Retry"),
        "ingestion.run_connection",
        _retry,
        ReasonForm,
        _can_be_retried,
        _("Queues a new run over the same window or files; of a backfill, over what its failed shards left open."),
        lambda run: commands.for_run("retry", run, "--queue", "--reason", "…"),
    ),
]


@admin.register(Run)
class RunAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["number", "outcome", "used", "tenant", "kind", "read", "ok", "skipped", "dead", "began", "took"]
    list_filter = ["state", "kind", "tenant", PipelineFilter, ShardFilter]
    search_fields = ["id"]
    search_help_text = _("The number of a run")
    sortable_by = ()
    list_prefetch = ("tenant", "connection")
    change_form_template = "ingestion/run.html"
    verbs = VERBS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("traceback", "proofs")

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[QuerySet[Any], bool]:
        if not term.strip():
            return queryset, False
        number = re.fullmatch(r"[0-9]{1,18}", term.strip(), re.ASCII)
        return (queryset.filter(pk=int(number[0])) if number else queryset.none()), False

    @admin.display(description=_("run"))
    def number(self, run: Run) -> str:
        return str(run.pk)

    @admin.display(description=_("state"))
    def outcome(self, run: Run) -> str:
        return cells.badge(run.state, run.get_state_display())

    @admin.display(description=_("connection"))
    def used(self, run: Run) -> str:
        return f"{run.pipeline} {run.connection.name}".strip()

    @admin.display(description=_("created"))
    def began(self, run: Run) -> str:
        return cells.moment(run.created_at)

    @admin.display(description=_("duration"))
    def took(self, run: Run) -> str:
        return cells.duration(run.started_at, run.finished_at)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **section(obj),
            **_page(request, obj),
            "verbs": self.offered(request, obj),
            "outcome": self.outcome(obj),
            "took": self.took(obj),
        }


def _page(request: HttpRequest, run: Run) -> dict[str, Any]:
    user: Any = request.user
    events = list(run.events.order_by("-pk")[: _TIMELINE + 1])
    files = list(run.artifact_links.select_related("artifact").order_by("role", "pk")[: _FILES + 1])
    dead_letters = DeadLetter.objects.for_tenant(run.tenant_id)
    seen_by = {"replay_run": run} if run.kind == Run.Kind.REPLAY else {"run": run}
    count, more = bounded_count(dead_letters.filter(**seen_by))
    field = next(iter(seen_by))
    return {
        "run": run,
        "sees_payload": user.has_perm("ingestion.view_payload"),
        "facts": _facts(run),
        "error_message": visible(run.error_message),
        "skip_reasons": _totals(run.skip_reasons),
        "left_out": _totals(run.left_out),
        "proofs": [
            (visible(subject), verdict, count)
            for subject, verdicts in run.proofs.items()
            for verdict, count in _totals(verdicts)
        ],
        "rejection": _rejection(run),
        "events": [_event(run, event) for event in reversed(events[:_TIMELINE])],
        "more_events": len(events) > _TIMELINE,
        "files": [(link, visible(link.name), cells.size(link.artifact.size)) for link in files[:_FILES]],
        "more_files": len(files) > _FILES,
        "dead_letters": f"{count}+" if more else count,
        "elsewhere": causes.seen_by_other_runs(run) if not count else ("", False),
        "dead_letters_url": f"{reverse('admin:ingestion_deadletter_changelist')}?status=all&{field}={run.pk}",
        "command": commands.for_run("show", run),
    }


def _event(run: Run, event: Event) -> tuple[Any, str, str, str]:
    """When it happened, how long after the run was made, and what; counts stand for a text that there is none of."""
    text = event.text or ", ".join(f"{name}: {value}" for name, value in event.data.items())
    return cells.exactly(event.at), cells.duration(run.created_at, event.at), event.name, visible(text)


def _rejection(run: Run) -> dict[str, Any] | None:
    """How many records were rejected, and the first one with its reason; None where all were taken."""
    if not run.dead:
        return None
    dead_letter = causes.first_open_of(run)
    return {
        "count": rejections(run.dead, run.read),
        "dead_letter": dead_letter,
        "where": visible((dead_letter.position or dead_letter.source_id) if dead_letter else ""),
        "why": visible(causes.cause(dead_letter.errors, 300) if dead_letter else ""),
    }


def _totals(counts: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Reasons with their counts, the most frequent first; what is no count, put into the row by hand, is left out."""
    pairs = [(visible(reason), count) for reason, count in counts.items() if isinstance(count, int)]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def _facts(run: Run) -> list[tuple[Any, Any]]:
    """The facts about this run; facts that do not apply are left out."""
    window = (
        f"{run.window_start:%Y-%m-%d %H:%M:%S} – {run.window_end:%Y-%m-%d %H:%M:%S} UTC"
        if run.window_start and run.window_end else ""
    )  # fmt: skip
    facts = [
        (_("Connection"), cells.link("connection", run.connection_id, run.connection)),
        (_("Retry of"), cells.link("run", run.retry_of_id, run.retry_of_id) if run.retry_of_id else ""),
        (_("Backfill"), cells.link("run", run.parent_id, run.parent) if run.parent_id else ""),
        (_("Asked for by"), str(run.requested_by) if run.requested_by else ""),
        (_("Created"), cells.exactly(run.created_at)),
        (_("Started"), cells.exactly(run.started_at) if run.started_at else ""),
        (_("Finished"), cells.exactly(run.finished_at) if run.finished_at else ""),
        (_("Waits because"), scheduling.why_waits(run)),
        (_("Next attempt"), cells.moment(run.not_before) if run.is_active and run.not_before else ""),
        (_("Window"), window),
        (_("Watermark"), cells.exactly(run.watermark_after) if run.watermark_after else ""),
        (_("Batches"), run.batches or ""),
        (_("Failed attempts"), run.attempts or ""),
        (_("Host"), run.host),
        (_("Settings"), ", ".join(f"{name}={value}" for name, value in _config(run).items())),
    ]
    return [(label, visible(value) if type(value) is str else value) for label, value in facts if value != ""]


def _config(run: Run) -> Mapping[str, Any]:
    overlay = run.params.get("config") if isinstance(run.params, dict) else None
    return overlay if isinstance(overlay, dict) else {}
