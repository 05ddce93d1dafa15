"""The REST kind as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RestConfig(AppConfig):
    name = "integrations.rest"
    label = "rest"
    verbose_name = _("REST APIs")
    default_auto_field = "django.db.models.BigAutoField"
