"""The Stripe integration as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StripeConfig(AppConfig):
    name = "integrations.stripe"
    label = "stripe"
    verbose_name = _("Stripe")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ingestion.retention import Retention, retain
        from integrations.stripe.models import StripeEvent

        retain(Retention("stripe_events", StripeEvent, moment="created_at", days=90))
