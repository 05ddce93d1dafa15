"""What all tables of Stripe objects share."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models import ExternalIdField, Ingested

MAX_DIGITS, PLACES = 20, 3
"""Stripe's integers have up to twelve digits today; no currency has more than three decimals."""


class StripeObject(Ingested):
    """One object of one tenant's account. References hold Stripe's ids: objects arrive in any order."""

    external_id = ExternalIdField(_("Stripe's id"))
    livemode = models.BooleanField(_("live"), default=False)
    created_at = models.DateTimeField(_("created"))
    as_of = models.DateTimeField(_("as of"))
    """The time since which Stripe is known to have had this state; an older state never overwrites it."""
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)
    """When the object was first known to be deleted at Stripe; the row stays."""
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)

    class Meta(Ingested.Meta):
        abstract = True
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.external_id


def money_field(label: Any, **values: Any) -> Any:
    """A column for money in major units."""
    return models.DecimalField(label, max_digits=MAX_DIGITS, decimal_places=PLACES, **values)


def reference_field(label: Any) -> Any:
    """A column for the id of another object, '' for none."""
    return ExternalIdField(label, blank=True, default="")


def unique_per_tenant(name: str) -> list[models.BaseConstraint]:
    return [models.UniqueConstraint(fields=["tenant", "external_id"], name=f"stripe_{name}_once")]


def newest_indexes(name: str, *columns: str) -> list[models.Index]:
    """Indexes for the newest rows, of all tenants and of one, and for each of `columns`."""
    indexes = [
        models.Index(fields=["tenant", "created_at"], name=f"stripe_{name}_newest"),
        models.Index(fields=["-created_at", "-id"], name=f"stripe_{name}_all"),
    ]
    return indexes + [
        models.Index(fields=["tenant", column], name=f"stripe_{name}_{column}"[:30]) for column in columns
    ]
