"""The events that webhooks brought, each once."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion.models import ExternalIdField, TenantOwned


class StripeEvent(TenantOwned):
    """A signed event of one tenant's account, whatever it is about; where a connection takes it, a delivery too."""

    class Verdict(models.TextChoices):
        DELIVERED = "delivered", _("Delivered")
        UNKNOWN = "unknown", _("Nobody's concern")
        OTHER_MODE = "other mode", _("Test event for a live key, or the reverse")
        OTHER_ACCOUNT = "other account", _("Of an account that no connection reads")

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    integration = models.CharField(_("integration"), max_length=50)
    event_id = ExternalIdField(_("event id"))
    type = models.CharField(_("type"), max_length=100)
    object_id = ExternalIdField(_("object"), blank=True, default="")
    account = ExternalIdField(_("account"), blank=True, default="")
    """The connected account it is about; '' for one's own."""
    livemode = models.BooleanField(_("live"), default=False)
    api_version = models.CharField(_("API version"), max_length=50, blank=True)
    created_at = models.DateTimeField(_("created"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    verdict = models.CharField(_("verdict"), max_length=20, choices=Verdict.choices)
    body = models.BinaryField(_("body"), default=b"", editable=False)
    """Kept where no connection took it; the deliveries of those that did have it otherwise."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "integration", "event_id"], name="stripe_event_once"),
        ]
        indexes = [models.Index(fields=["tenant", "verdict", "-id"], name="stripe_event_verdict")]
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
