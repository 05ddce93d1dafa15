"""The events that webhooks delivered, each once."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models import ExternalIdField, Ingested


class StripeEvent(Ingested):
    """A signed event of one tenant's account, whatever it is about, with the verdict on its delivery."""

    class Verdict(models.TextChoices):
        DELIVERED = "delivered", _("Delivered")
        UNKNOWN = "unknown", _("No connection follows such objects")
        OTHER_MODE = "other mode", _("Of the mode that the key is not for")
        NO_READER = "no reader", _("Of a connected account that no connection reads")
        TOO_LARGE = "too large", _("Larger than a delivery may be")
        OTHER_ACCOUNT = "other account", _("Of an account that is not this tenant's")

    external_id = ExternalIdField(_("Stripe's id"))
    type = models.CharField(_("type"), max_length=100)
    object_id = ExternalIdField(_("object"), blank=True, default="")
    account = ExternalIdField(_("account"), blank=True, default="")
    """The connected account of the event; '' for the tenant's own."""
    livemode = models.BooleanField(_("live"), default=False)
    api_version = models.CharField(_("API version"), max_length=50, blank=True, default="")
    created_at = models.DateTimeField(_("created"))
    verdict = models.CharField(_("verdict"), max_length=20, choices=Verdict.choices)
    body = models.TextField(_("body"), blank=True, default="", editable=False)
    """The body of an undelivered event; that of a delivered one is stored with the deliveries of its receivers. The
    body of another party's event is never stored.
    """

    class Meta(Ingested.Meta):
        abstract = False
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "external_id"], name="stripe_event_once")]
        indexes = [
            models.Index(fields=["tenant", "created_at"], name="stripe_event_newest"),
            models.Index(fields=["-created_at", "-id"], name="stripe_event_all"),
            models.Index(fields=["tenant", "object_id"], name="stripe_event_object"),
            models.Index(fields=["tenant", "account"], name="stripe_event_account"),
            models.Index(fields=["verdict", "-created_at", "-id"], name="stripe_event_verdict"),
        ]
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")

    def __str__(self) -> str:
        return f"{self.type} {self.external_id}"
