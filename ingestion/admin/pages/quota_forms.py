"""The forms of quota overrides."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit.forms import ReasonForm, TenantForm
from ingestion.core import meters


class OverrideForm(ReasonForm):
    """How much instead, and until when."""

    limit = forms.IntegerField(label=_("Quota for a month"), min_value=0)
    until = forms.DateTimeField(
        label=_("Until"),
        help_text=_("In the console's time zone. The tier's quota holds again afterwards."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "vTextField"}, format="%Y-%m-%dT%H:%M"),
    )
    field_order = ("limit", "until", "reason")


class NewOverrideForm(TenantForm):
    """Whose quota of what, how much instead, until when, and why."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(meter.name, f"{meter.name}: {meter.title}") for meter in meters.registered()]
        self.fields["meter"] = forms.ChoiceField(label=_("Meter"), choices=choices)

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        expires = values.get("expires_at")
        if expires is not None and expires <= timezone.now():
            self.add_error("expires_at", _("This is in the past."))
        return values
