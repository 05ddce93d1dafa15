"""Backfills in the console: what a connection's verb does, and how a run's page and list show shards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, When
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ingestion import actions
from ingestion.actions import Actor
from ingestion.actions.backfills import require_windowed
from ingestion.admin.kit import cells
from ingestion.admin.kit.verbs import Done
from ingestion.models import Connection, Run
from ingestion.running import shards

SHOWN = 50
_PREVIEWED = 5


def backfill(actor: Actor, connection: Connection, values: Mapping[str, Any]) -> Done:
    run = actions.backfill(
        actor, connection, values["start"], values["end"], shard=values["shard"], reason=values["reason"],
        parallel=values["parallel"],
    )  # fmt: skip
    return Done(_("Backfill %s has begun.") % run.pk, show=run)


def preview(connection: Connection, values: Mapping[str, Any]) -> Sequence[str]:
    """The shards in a few lines. Raises ActionRefused where there can be none."""
    require_windowed(connection)
    windows = actions.shards_of(values["start"], values["end"], values["shard"])
    lines = [f"{window.start:%Y-%m-%d %H:%M} – {window.end:%Y-%m-%d %H:%M} {window.start:%Z}" for window in windows]
    if len(lines) > 2 * _PREVIEWED:
        lines = [*lines[:_PREVIEWED], "…", *lines[-_PREVIEWED:]]
    headline = ngettext("%s shard is read:", "%s shards are read, each by a run of its own:", len(windows))
    return [headline % len(windows), *lines]


def section(run: Run) -> dict[str, Any]:
    """What a backfill's page shows of its shards; {} for other runs. The counts of one under way are added up now."""
    if not run.is_backfill:
        return {}
    states = shards.progress(run)
    if run.is_active:
        for name, value in shards.totals(run).items():
            setattr(run, name, value)
    urgent = (Run.State.FAILED, Run.State.RUNNING, Run.State.PARTIAL)
    first = Case(*(When(state=state, then=number) for number, state in enumerate(urgent)), default=len(urgent))
    rows = run.shards.order_by(first, "pk")[:SHOWN]
    ended = sum(states[state] for state in Run.TERMINAL)
    return {
        "shards": [(shard, _window(shard), cells.badge(shard.state, shard.get_state_display())) for shard in rows],
        "shards_ended": ended,
        "shards_total": states.total(),
        "shards_percent": round(100 * ended / states.total()) if states else 0,
        "shards_states": ", ".join(
            f"{count} {Run.State(state).label.lower()}" for state, count in sorted(states.items())
        ),
        "shards_url": f"{reverse('admin:ingestion_run_changelist')}?shards={run.pk}",
    }


def _window(run: Run) -> str:
    if run.window_start is None or run.window_end is None:
        return cells.EMPTY
    return f"{run.window_start:%Y-%m-%d %H:%M} – {run.window_end:%Y-%m-%d %H:%M} UTC"


class ShardFilter(admin.SimpleListFilter):
    """A backfill may have thousands of shards: they are left out of the list unless one asks for them."""

    title = _("shards")
    parameter_name = "shards"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        parent = request.GET.get(self.parameter_name, "")
        of_one = [(parent, _("Of run %s") % parent)] if _is_number(parent) else []
        return [("all", _("Also shards")), *of_one]

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *choices = super().choices(changelist)
        yield {**first, "display": _("Left out")}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value() or ""
        if _is_number(value):
            return queryset.filter(parent_id=int(value))
        if value == "all" or request.GET.get("q"):
            return queryset
        return queryset.filter(parent__isnull=True)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19
