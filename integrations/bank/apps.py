"""The bank kind as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BankConfig(AppConfig):
    name = "integrations.bank"
    label = "bank"
    verbose_name = _("Bank")
    default_auto_field = "django.db.models.BigAutoField"
