"""The filters of the dead-letter list. What they leave over is what a bulk replay takes."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit.filters import PipelineFilter
from ingestion.core.records import Stage
from ingestion.models import DeadLetter


class StatusFilter(admin.SimpleListFilter):
    """Open letters unless another status is chosen: open letters wait for an operator."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*DeadLetter.Status.choices, ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        chosen = super().choices(changelist)
        yield {**next(iter(chosen)), "display": _("Open")}
        yield from chosen

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(status=self.value()) if self.value() else queryset.filter(status__in=DeadLetter.OPEN)


class StageFilter(admin.SimpleListFilter):
    title = _("stage")
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(stage.value, stage.value) for stage in Stage]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(stage=self.value()) if self.value() else queryset


class SeenFilter(admin.SimpleListFilter):
    title = _("last seen")
    parameter_name = "seen"
    _HOURS = {"hour": 1, "day": 24, "week": 168}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("hour", _("In the last hour")), ("day", _("In the last day")), ("week", _("In the last week"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        hours = self._HOURS.get(self.value() or "")
        return queryset.filter(last_seen__gte=timezone.now() - timedelta(hours=hours)) if hours else queryset


class LinkedFilter(admin.SimpleListFilter):
    """Reached by a link, for example from a run: there is no list of its values, only a way to take it off again."""

    pattern = re.compile(r"[0-9]{1,18}")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(self.value() or "", (self.value() or "")[:12])] if self.value() is not None else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if not self.pattern.fullmatch(value):
            raise IncorrectLookupParameters
        return queryset.filter(**{str(self.parameter_name): value})


class CauseFilter(LinkedFilter):
    title = _("cause")
    parameter_name = "fingerprint"
    pattern = re.compile(r"[0-9a-f]{32}")


class RunFilter(LinkedFilter):
    title = _("run that saw it last")
    parameter_name = "run"


class ReplayFilter(LinkedFilter):
    title = _("replay run")
    parameter_name = "replay_run"


LETTER_FILTERS = (StatusFilter, "tenant", PipelineFilter, StageFilter, SeenFilter, CauseFilter, RunFilter, ReplayFilter)
