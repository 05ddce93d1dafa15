"""What operators did, to what, and why. Append-only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class AuditEntry(TenantOwned):
    """One action of one operator. `actor` is empty for a program and the command line; `actor_name` names them."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(_("at"), auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    actor_name = models.CharField(_("actor"), max_length=200)
    action = models.CharField(_("action"), max_length=50)
    target = models.CharField(_("target"), max_length=200)
    reason = models.TextField(_("reason"), blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
