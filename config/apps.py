"""The project's own app: it only brings the commands `up` and `demo`."""

from django.apps import AppConfig


class StandaloneConfig(AppConfig):
    """Carries the commands `up` and `demo`."""

    name = "config"
    label = "standalone"
    verbose_name = "Standalone project"
