"""A connection: one tenant's use of one pipeline."""

from __future__ import annotations

import shlex
import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class Connection(TenantOwned):
    """Config, schedule and whether it is paused. The runs of one connection never overlap."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="connections")
    pipeline = models.CharField(_("pipeline"), max_length=100)
    name = models.SlugField(
        _("name"),
        max_length=50,
        blank=True,
        default="",
        help_text=_("Tells connections of one pipeline apart."),
    )
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    """Names the connection in addresses that others know, such as that of its webhooks."""
    config = models.JSONField(
        _("config"), default=dict, blank=True, help_text=_("Settings the pipeline's source reads.")
    )
    schedule = models.JSONField(_("schedule"), null=True, blank=True, help_text=_("Empty: what the pipeline declares."))
    """What `core.declared_schedules` reads; NULL is the pipeline's own declaration."""
    next_due = models.DateTimeField(_("next due"), null=True, blank=True)
    next_check = models.DateTimeField(null=True, blank=True, editable=False)
    """When its closed periods are looked at next; NULL: at once. Whoever moves it forward has this turn."""
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)
    paused_reason = models.CharField(_("pause reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "pipeline", "name"], name="ingestion_connection_once")]
        indexes = [models.Index(fields=["next_due"], name="ingestion_connection_due")]
        permissions = [("run_connection", "Can run, pause, resume and rewind connections")]
        verbose_name = _("connection")
        verbose_name_plural = _("connections")

    def __str__(self) -> str:
        return " · ".join(filter(None, (self.tenant.key, self.pipeline, self.name)))

    @property
    def in_shell(self) -> str:
        """What names it to a command: "--tenant acme --pipeline shop.orders", and its --name where it has one."""
        named = ["--name", self.name] if self.name else []
        return shlex.join(["--tenant", self.tenant.key, "--pipeline", self.pipeline, *named])

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None
