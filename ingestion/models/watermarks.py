"""Where the next window starts. Append-only: the newest row of a connection is its watermark."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class Watermark(TenantOwned):
    """Written once by each successful live run, or by an operator who rewinds (then `reason` says why)."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey("ingestion.Connection", on_delete=models.PROTECT, related_name="watermarks")
    value = models.DateTimeField(_("value"))
    run = models.ForeignKey("ingestion.Run", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        indexes = [models.Index(fields=["connection", "-id"], name="ingestion_watermark_latest")]
        permissions = [("rewind_watermark", "Can rewind watermarks")]
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return self.value.isoformat()

    @staticmethod
    def newest() -> models.Subquery:
        """The watermark of the connection of a row that has one, for a query of such rows."""
        history = Watermark.unscoped.filter(connection_id=models.OuterRef("connection_id")).order_by("-pk")
        return models.Subquery(history.values("value")[:1])

    @staticmethod
    def newest_of(connection_id: int) -> datetime | None:
        """A connection's watermark; None before its first live run."""
        history = Watermark.unscoped.filter(connection_id=connection_id).order_by("-pk")
        return history.values_list("value", flat=True).first()
