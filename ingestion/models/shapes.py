"""The shape that a connection's records are known to have. Field paths and types, never a value."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class KnownShape(TenantOwned):
    """One row a connection, made by its first run; with it the shape that stopped a run, until it is accepted."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    connection = models.OneToOneField("ingestion.Connection", on_delete=models.PROTECT, related_name="known_shape")
    version = models.PositiveIntegerField(_("version"), default=0)
    """Counts up with every change of the row: whoever accepts says which one was looked at."""
    shape = models.JSONField(_("shape"), default=dict)
    """As `core.drift.to_json` writes it."""
    learned_by = models.ForeignKey("ingestion.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    """The first run (of a backfill the parent): while it lasts everything is learned and nothing is drift."""
    changed_at = models.DateTimeField(_("changed"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    accepted_by = models.CharField(_("accepted by"), max_length=200, blank=True)
    pending = models.JSONField(_("pending shape"), null=True, blank=True)
    """What would be accepted; NULL while nothing waits for it."""
    pending_changes = models.JSONField(_("changes"), default=list, blank=True)
    """The diff: a list of kind, path, before and now."""
    pending_run = models.ForeignKey("ingestion.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    pending_since = models.DateTimeField(_("pending since"), null=True, blank=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        permissions = [("accept_shape", "Can accept changed shapes of sources")]
        verbose_name = _("known shape")
        verbose_name_plural = _("known shapes")

    def __str__(self) -> str:
        return f"shape of connection {self.connection_id}"
