"""Forms of the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit.ownership import tenant_path

if TYPE_CHECKING:
    _ModelForm = forms.ModelForm[Any]
else:
    _ModelForm = forms.ModelForm


class TenantForm(_ModelForm):
    """Refuses a row that would point at another tenant's row, also for staff who may see both tenants.

    A new row of an inline takes the tenant of its parent.
    """

    def _post_clean(self) -> None:
        if "tenant" not in self.fields and getattr(self.instance, "tenant_id", 0) is None:
            self.instance.tenant_id = self._tenant_of_parent()
        super()._post_clean()  # type: ignore[misc]  # Django's own hook: the instance is filled after it
        tenant_id = getattr(self.instance, "tenant_id", None)
        for name, owner in self._owners().items():
            if tenant_id is not None and owner != tenant_id:
                place = name if name in self.fields else None
                self.add_error(place, ValidationError(_("This belongs to another tenant."), code="tenant"))

    def _owners(self) -> dict[str, int]:
        """The tenants of the rows that this one points at, by the name of the foreign key."""
        owners: dict[str, int] = {}
        for field in self.instance._meta.concrete_fields:
            if not isinstance(field, models.ForeignKey) or tenant_path(field.related_model) != "tenant":
                continue
            rows = field.related_model._base_manager.filter(
                **{field.target_field.name: getattr(self.instance, field.attname)}
            )
            owners.update((field.name, owner) for owner in rows.values_list("tenant_id", flat=True))
        return owners

    def _tenant_of_parent(self) -> int | None:
        return next(iter(self._owners().values()), None)


class ReasonForm(forms.Form):
    """Asks why. The reason is kept in the audit trail."""

    required_css_class = "required"
    reason = forms.CharField(label=_("Reason"), max_length=200, widget=forms.TextInput(attrs={"class": "vTextField"}))


class OptionalReasonForm(forms.Form):
    """Offers to say why."""

    reason = forms.CharField(
        label=_("Reason"), max_length=200, required=False, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
