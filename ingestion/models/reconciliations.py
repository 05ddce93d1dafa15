"""Closed periods held against their source: the newest verdict of each, and what differs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.fields import ExternalIdField
from ingestion.models.scoping import TenantOwned


class ReconciledPeriod(TenantOwned):
    """One group (a currency, mostly) of one closed period of one connection. A later check updates it.

    Every change of state is in the audit trail. Amounts are texts: exact on every database, whatever their scale.
    """

    class State(models.TextChoices):
        MATCHED = "matched", _("Matched")
        BREACH = "breach", _("Breach")
        UNVERIFIABLE = "unverifiable", _("Unverifiable")

    class Cause(models.TextChoices):
        """Why it is unverifiable."""

        BUSY = "busy", _("A run is under way")
        UNREAD = "unread", _("Not read yet")
        REJECTED = "rejected", _("Records were rejected")
        SILENT = "silent", _("The source cannot say")
        FAULT = "fault", _("The source answers wrongly")

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey("ingestion.Connection", on_delete=models.PROTECT, related_name="reconciled_periods")
    start = models.DateTimeField(_("period start"))
    end = models.DateTimeField(_("period end"))
    group = ExternalIdField(_("group"), blank=True, default="", max_length=100)
    """Such as "EUR"; '' where nothing is grouped."""
    state = models.CharField(_("state"), max_length=20, choices=State.choices)
    cause = models.CharField(_("cause"), max_length=20, choices=Cause.choices, blank=True, default="")
    """Of the newest check that could not tell. A breach stays one until a check finds it matched."""
    reason = models.TextField(_("reason"), blank=True, default="")
    declared_count = models.PositiveBigIntegerField(_("declared count"), null=True, blank=True)
    declared_sum = models.CharField(_("declared sum"), max_length=100, blank=True, default="")
    stored_count = models.PositiveBigIntegerField(_("stored count"), null=True, blank=True)
    stored_sum = models.CharField(_("stored sum"), max_length=100, blank=True, default="")
    difference = models.CharField(_("difference"), max_length=100, blank=True, default="")
    """Stored sum minus declared sum."""
    missing_count = models.PositiveBigIntegerField(_("missing"), default=0)
    missing = models.JSONField(_("missing ids"), default=list, blank=True)
    """Ids that the source has and the table has not: the first of them, sorted."""
    extra_count = models.PositiveBigIntegerField(_("extra"), default=0)
    extra = models.JSONField(_("extra ids"), default=list, blank=True)
    differing_count = models.PositiveBigIntegerField(_("differing"), default=0)
    differing = models.JSONField(_("differing ids"), default=list, blank=True)
    """[{"id": …, "declared": amount, "stored": amount}, …]"""
    resync = models.ForeignKey(
        "ingestion.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("re-sync")
    )
    """The newest backfill that was started to mend it; when it has ended, the period is checked again."""
    checked_at = models.DateTimeField(_("checked"))
    """When the newest check began, by the database's clock. One that began earlier never overwrites it."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "start", "end", "group"], name="ingestion_period_once"),
        ]
        indexes = [
            models.Index(fields=["tenant", "state", "-id"], name="ingestion_period_state"),
            models.Index(fields=["state", "-id"], name="ingestion_period_all"),
        ]
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")

    def __str__(self) -> str:
        return " ".join(filter(None, (f"{self.start:%Y-%m-%d}", self.group)))
