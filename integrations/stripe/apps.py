"""The Stripe kind as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StripeConfig(AppConfig):
    name = "integrations.stripe"
    label = "stripe"
    verbose_name = _("Stripe")
    default_auto_field = "django.db.models.BigAutoField"
