"""Wiring at start-up: checks, and the pipelines of every installed app."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_started
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _

from ingestion.core.packages import require_kinds

# Before Django imports the apps that are named after this one: it would only say that there is no such module.
require_kinds(settings.INSTALLED_APPS)


class IngestionConfig(AppConfig):
    name = "ingestion"
    verbose_name = _("Ingestion")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ingestion import checks, logs  # noqa: F401  importing the checks registers them
        from ingestion.conf import config
        from ingestion.vault import key_holders

        logs.install()
        request_started.connect(key_holders.announce_web)

        try:
            config()
        except ImproperlyConfigured:
            return  # said by the check E001, in a sentence; every use of a setting raises it again
        autodiscover_modules("pipelines")
