"""Tenants and which staff may see them."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from ingestion.conf import config
from ingestion.core.context import TenantRef
from ingestion.core.errors import ConfigurationError
from ingestion.core.time_zones import zone_named
from ingestion.models.scoping import PinnedManager


def validate_time_zone(name: str) -> None:
    """A field's validator. Raises ValidationError for a name that is no time zone."""
    try:
        zone_named(name)
    except ConfigurationError as error:
        raise ValidationError(str(error), code="time_zone") from error


class TenantQuerySet(models.QuerySet["Tenant"]):
    def granted_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The tenants `user` may see: all for a superuser, else what INGESTION["TENANTS_FOR_USER"] or a grant says."""
        if not user.is_active or user.is_anonymous:
            return self.none()
        if getattr(user, "is_superuser", False):
            return self
        if config().TENANTS_FOR_USER:
            return self.filter(pk__in=import_string(config().TENANTS_FOR_USER)(user))
        return self.filter(grants__user_id=user.pk)


class Tenant(models.Model):
    """One customer of the SaaS. Every record, run, file and log line belongs to exactly one."""

    class Tier(models.TextChoices):
        FREE = "free", _("Free")
        PRO = "pro", _("Pro")
        ENTERPRISE = "enterprise", _("Enterprise")

    key = models.SlugField(_("key"), max_length=50, unique=True, help_text=_("Used in commands, paths and logs."))
    name = models.CharField(_("name"), max_length=200)
    tier = models.CharField(_("tier"), max_length=20, choices=Tier.choices, default=Tier.FREE)
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text=_("Cron expressions that name no zone are read in it, for example Europe/Amsterdam."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = PinnedManager.from_queryset(TenantQuerySet)()

    class Meta:
        base_manager_name = "objects"
        ordering = ["key"]
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> TenantRef:
        return TenantRef(self.pk, self.key)


class TenantGrant(models.Model):
    """Lets one member of staff see and work on one tenant."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="grants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tenant_grants")

    objects = PinnedManager()

    class Meta:
        base_manager_name = "objects"
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="ingestion_grant_once")]
        verbose_name = _("tenant grant")
        verbose_name_plural = _("tenant grants")

    def __str__(self) -> str:
        return f"{self.user} → {self.tenant}"
