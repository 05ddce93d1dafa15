"""Forms of credentials. What is typed into them goes to the store and never back to a page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit.ownership import only_own
from ingestion.core import registry
from ingestion.core.errors import ActionRefused
from ingestion.models import Tenant
from ingestion.vault.values import checked, filled, parsed


class WriteOnly(forms.Textarea):
    """Never shows what was typed, neither on the screen nor on the page that says what was wrong with it."""

    def __init__(self) -> None:
        hidden = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off", "class": "sg-secret"}
        super().__init__({"rows": 4, "cols": 60, **hidden})

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return super().get_context(name, None, attrs)


class ValuesForm(forms.Form):
    """Values, when they expire, and why."""

    required_css_class = "required"
    values = forms.CharField(
        label=_("Values"),
        strip=False,
        widget=WriteOnly,
        help_text=_(
            "One a line, as name=value, for example api_key=…; or a JSON object, for values of several lines. They "
            "take the place of all that is stored, and cannot be looked at afterwards."
        ),
    )
    expires_at = forms.DateTimeField(
        label=_("Expires"),
        required=False,
        help_text=_("When the source will refuse it, if you know; in the console's time zone."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "vTextField"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
    field_order: Any = ("tenant", "integration", "values", "expires_at", "reason")

    def clean_values(self) -> dict[str, str]:
        try:
            values = parsed(self.cleaned_data["values"])
            return checked("any", filled(values) if self.cleaned_data.get("keep") else values)
        except ActionRefused as refusal:
            raise ValidationError(str(refusal)) from None


class ReplaceForm(ValuesForm):
    """New values for a credential that is stored: for all of them, or for some."""

    keep = forms.BooleanField(
        label=_("Keep the others"),
        required=False,
        help_text=_(
            "Keep what is stored of values that you do not name, or leave empty (name=), and the expiry date when none "
            "is given."
        ),
    )
    field_order = ("keep", "values", "expires_at", "reason")


class NewCredentialForm(ValuesForm):
    """For which of the user's own tenants, and which integration."""

    tenant = forms.ModelChoiceField(Tenant.objects.none(), label=_("Tenant"))
    integration = forms.CharField(
        label=_("Integration"), max_length=100, widget=forms.TextInput(attrs={"class": "vTextField"})
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tenants: Any = self.fields["tenant"]
        tenants.queryset = only_own(Tenant.objects.order_by("key"), user)
        integrations = sorted({pipeline.integration for pipeline in registry.registered() if pipeline.integration})
        if integrations:
            self.fields["integration"].help_text = _("As pipelines name it: %s.") % ", ".join(integrations)


class ExpiryForm(forms.Form):
    """The expiry date alone."""

    expires_at = ValuesForm.base_fields["expires_at"]
    reason = ValuesForm.base_fields["reason"]

    def clean_expires_at(self) -> Any:
        moment = self.cleaned_data["expires_at"]
        return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment
