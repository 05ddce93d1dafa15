"""Credentials: one tenant's access to one outside system, sealed; and the keys that seal them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.fields import ExternalIdField
from ingestion.models.scoping import TenantOwned


class DataKey(TenantOwned):
    """Seals one tenant's credentials, and is itself sealed under a master key. The highest generation seals."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    generation = models.PositiveIntegerField(_("generation"), default=1)
    master_key = models.CharField(_("master key"), max_length=50)
    """The id in INGESTION["MASTER_KEYS"] of the key that wraps this one."""
    wrapped = models.BinaryField(editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "generation"], name="ingestion_data_key_once")]
        verbose_name = _("data key")
        verbose_name_plural = _("data keys")

    def __str__(self) -> str:
        return f"{self.tenant_id}/{self.generation}"


class Credential(TenantOwned):
    """What is known of a credential without opening it. Its values are in `ciphertext`, or in another secret store."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="credentials")
    integration = ExternalIdField(_("integration"), max_length=100)
    version = models.PositiveIntegerField(_("version"), default=0)
    """Goes up by one with every change of the values and never down."""
    data_key = models.ForeignKey(
        DataKey, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="credentials"
    )
    ciphertext = models.BinaryField(editable=False)
    """Empty when another secret store keeps the values."""
    last_four = models.JSONField(_("last four"), default=dict, blank=True, editable=False)
    """Name of each value to its last four characters; '' for values so short that these would say too much."""
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    """When the source will refuse it, as far as an operator knows. Only warned about: the source decides."""
    warned_at = models.DateTimeField(null=True, editable=False)
    rotated_at = models.DateTimeField(_("values changed"))
    """When the values last changed, by an operator or by an exchange."""
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    """The operator who last stored it; empty for the command line and for exchanges."""
    exchange_token = models.CharField(max_length=32, blank=True, editable=False)
    """Names the worker that is exchanging the values for new ones, until `exchange_until` (database time)."""
    exchange_until = models.DateTimeField(null=True, editable=False)

    class Meta(TenantOwned.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "integration"], name="ingestion_credential_once")]
        indexes = [models.Index(fields=["expires_at"], name="ingestion_credential_expiry")]
        permissions = [("set_credential", "Can store, date and delete credentials")]
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")

    def __str__(self) -> str:
        return f"{self.tenant.key} · {self.integration}"


class CredentialVersion(TenantOwned):
    """That a version of a credential existed, without its values. Append-only: what shows that one was put back."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    integration = ExternalIdField(_("integration"), max_length=100)
    version = models.PositiveIntegerField(_("version"))
    cause = models.CharField(_("cause"), max_length=20)
    """"set", "exchange" or "delete"."""
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "integration", "version"], name="ingestion_credential_version")
        ]
        verbose_name = _("credential version")
        verbose_name_plural = _("credential versions")

    def __str__(self) -> str:
        return f"{self.integration} {self.version}"
