"""What the outside world delivered unasked: webhooks and pushed records, stored before they were answered."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.models.fields import ExternalIdField
from ingestion.models.scoping import TenantOwned


class Delivery(TenantOwned):
    """One message for one connection, whole and untouched, until a webhook run has taken it in."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        ABANDONED = "abandoned", _("Abandoned")

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey("ingestion.Connection", on_delete=models.PROTECT, related_name="deliveries")
    delivery_id = ExternalIdField(_("delivery id"))
    """The sender's own id; with a hash behind it where the same id came before with other bytes."""
    body = models.BinaryField(_("body"))
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField(_("size"))
    content_type = models.CharField(_("content type"), max_length=100, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PENDING)
    note = models.CharField(_("note"), max_length=300, blank=True)
    """What was odd about it, for people; of one that was given up, why."""
    run = models.ForeignKey(
        "ingestion.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="deliveries"
    )
    """The run that took it in."""
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    done_at = models.DateTimeField(_("done"), null=True, blank=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "delivery_id"], name="ingestion_delivery_once"),
        ]
        indexes = [
            models.Index(fields=["connection", "state", "id"], name="ingestion_delivery_next"),
            models.Index(fields=["tenant", "state", "done_at"], name="ingestion_delivery_old"),
            models.Index(fields=["state", "-id"], name="ingestion_delivery_state"),
        ]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return f"delivery {self.pk}"
