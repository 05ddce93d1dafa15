"""What tenants use up: counted per meter and month, per run, and what operators allowed beyond the tier."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class Usage(TenantOwned):
    """How much of a meter a tenant used in a month. Goes up by conditional UPDATEs only, never above the quota."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    meter = models.CharField(_("meter"), max_length=50)
    period = models.DateField(_("month"), help_text=_("Its first day, in UTC."))
    used = models.PositiveBigIntegerField(_("used"), default=0)
    warned_limit = models.PositiveBigIntegerField(null=True, editable=False)
    """The quota whose 80 % were reached and said; a higher quota is warned of again."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-period", "meter"]
        constraints = [models.UniqueConstraint(fields=["tenant", "meter", "period"], name="ingestion_usage_once")]
        verbose_name = _("usage")
        verbose_name_plural = _("usage")

    def __str__(self) -> str:
        return f"{self.meter} {self.period:%Y-%m}"


class Spending(TenantOwned):
    """What one run counted on a meter: in all, and in its current batch, which may be tried again."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey("ingestion.Run", on_delete=models.CASCADE, related_name="spendings")
    meter = models.CharField(_("meter"), max_length=50)
    batch = models.PositiveIntegerField(_("batch"), default=0)
    in_batch = models.PositiveBigIntegerField(_("in this batch"), default=0)
    total = models.PositiveBigIntegerField(_("in all"), default=0)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "meter"], name="ingestion_spending_once")]
        verbose_name = _("spending")
        verbose_name_plural = _("spending")

    def __str__(self) -> str:
        return f"{self.meter}: {self.total}"


class QuotaOverride(TenantOwned):
    """An operator's word that a tenant may use more (or less) of a meter than its tier says, until it expires.

    The newest one in force counts. Rows stay: they say who allowed what, and why.
    """

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    meter = models.CharField(_("meter"), max_length=50)
    limit = models.PositiveBigIntegerField(_("quota"), help_text=_("For a whole month, in the place of the tier's."))
    expires_at = models.DateTimeField(_("expires"))
    reason = models.CharField(_("reason"), max_length=200)
    actor_name = models.CharField(_("allowed by"), max_length=200)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        indexes = [models.Index(fields=["tenant", "meter", "expires_at"], name="ingestion_override_current")]
        permissions = [("override_quota", "Can override quotas")]
        verbose_name = _("quota override")
        verbose_name_plural = _("quota overrides")

    def __str__(self) -> str:
        return f"{self.meter}: {self.limit}"
