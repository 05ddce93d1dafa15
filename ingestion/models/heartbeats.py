"""Signs of life that belong to the deployment, not to a tenant."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import PinnedManager


class Heartbeat(models.Model):
    """When a part of the deployment last showed a sign of life, in the database's time."""

    TICK = "tick"

    name = models.CharField(_("name"), max_length=50, unique=True)
    at = models.DateTimeField(_("at"))

    objects = PinnedManager()

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return self.name
