"""The forms of schedules and backfills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ingestion.actions.backfills import DAY
from ingestion.admin.kit.forms import OptionalReasonForm, ReasonForm
from ingestion.conf import config
from ingestion.core.declared_schedules import OFF, schedule_from_json
from ingestion.core.durations import parse_span, span_text
from ingestion.core.errors import ConfigurationError
from ingestion.models import Connection

_TEXT = {"class": "vTextField"}
_WORDS = ("every", "cron", "zone", "spread")
_KINDS = [
    ("default", _("What the pipeline declares")),
    ("every", _("An interval")),
    ("cron", _("A cron expression")),
    ("off", _("None: only when asked")),
]


class ScheduleFields(forms.Form):
    """When a connection is due. `cleaned_data["declared"]` is its JSON, None for what the pipeline declares."""

    due = forms.ChoiceField(label=_("Due"), choices=_KINDS, initial="default", required=False)
    every = forms.CharField(
        label=_("Interval"),
        required=False,
        max_length=20,
        help_text=_("For example 90s, 15m, 6h or 1d."),
        widget=forms.TextInput(attrs=_TEXT),
    )
    cron = forms.CharField(
        label=_("Cron expression"),
        required=False,
        max_length=100,
        help_text=_("Minute, hour, day of the month, month, day of the week: 0 3 * * * is every night at three."),
        widget=forms.TextInput(attrs=_TEXT),
    )
    zone = forms.CharField(
        label=_("Time zone"),
        required=False,
        max_length=64,
        help_text=_("Of the cron expression, for example Europe/Amsterdam. Empty: the tenant's."),
        widget=forms.TextInput(attrs=_TEXT),
    )
    spread = forms.CharField(
        label=_("Spread"),
        required=False,
        max_length=20,
        help_text=_("How far connections are moved apart, for example 5m; 0s starts all at once. Empty: as usual."),
        widget=forms.TextInput(attrs=_TEXT),
    )

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        kind = values.get("due") or "default"
        declared = _declared(kind, {name: str(values.get(name) or "").strip() for name in _WORDS})
        if declared is not None:
            try:
                schedule_from_json(declared)
            except ConfigurationError as error:
                word = next((name for name in ("time zone", "spread") if name in str(error)), kind)
                place = {"time zone": "zone"}.get(word, word)
                raise ValidationError({place: str(error)} if place in self.fields else str(error)) from error
        values["declared"] = declared
        return values


def _declared(kind: str, words: Mapping[str, str]) -> dict[str, Any] | None:
    if kind == "off":
        return dict(OFF)
    if kind not in ("every", "cron"):
        return None
    more = ("zone", "spread") if kind == "cron" else ("spread",)
    return {kind: words[kind], **{name: words[name] for name in more if words[name]}}


class ScheduleForm(ScheduleFields, OptionalReasonForm):
    """A connection's own schedule."""

    field_order = ("due", *_WORDS, "reason")


def schedule_initial(connection: Connection) -> Mapping[str, Any]:
    """The form as the connection's schedule stands."""
    value = connection.schedule if isinstance(connection.schedule, dict) else {}
    kind = next((name for name in ("every", "cron", "off") if name in value), "default")
    return {"due": kind, **{name: value[name] for name in _WORDS if name in value}}


class BackfillForm(ReasonForm):
    """Which window, in which parts."""

    start = forms.DateTimeField(label=_("From"), help_text=_("Included; in the console's time zone."))
    end = forms.DateTimeField(label=_("To"), help_text=_("Not included."))
    shard = forms.CharField(
        label=_("Shard"),
        initial=span_text(DAY),
        max_length=20,
        help_text=_("What one run reads, for example 6h, 1d or 1w."),
        widget=forms.TextInput(attrs=_TEXT),
    )
    parallel = forms.IntegerField(label=_("At a time"), min_value=1, max_value=50, required=False)
    field_order = ("start", "end", "shard", "parallel", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("start", "end"):
            self.fields[name].widget = forms.DateTimeInput(
                attrs={"type": "datetime-local", **_TEXT}, format="%Y-%m-%dT%H:%M"
            )
        self.fields["parallel"].initial = config().BACKFILL_PARALLEL

    def clean_shard(self) -> Any:
        try:
            return parse_span(self.cleaned_data["shard"].strip())
        except ConfigurationError as error:
            raise ValidationError(str(error)) from error
