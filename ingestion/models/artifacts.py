"""Raw bytes kept in file storage, compressed, named by their SHA-256."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class Artifact(TenantOwned):
    """One blob of one tenant: an uploaded file, a page's raw records, or a dead letter too large for its row."""

    class Kind(models.TextChoices):
        FILE = "file", _("File")
        PAGE = "page", _("Page")
        PAYLOAD = "payload", _("Payload")

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    sha256 = models.CharField("SHA-256", max_length=64)
    """Of the original, uncompressed bytes; of a page, which is our own packing of records, of the file as stored."""
    path = models.CharField(_("path"), max_length=200)
    codec = models.CharField(_("codec"), max_length=10)
    size = models.PositiveBigIntegerField(_("size"))
    """Bytes before compression."""
    stored_size = models.PositiveBigIntegerField(_("stored size"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "kind", "sha256"], name="ingestion_artifact_once")]
        indexes = [
            models.Index(fields=["kind", "-id"], name="ingestion_artifact_kind"),
            models.Index(fields=["sha256"], name="ingestion_artifact_hash"),
        ]
        verbose_name = _("artifact")
        verbose_name_plural = _("artifacts")

    def __str__(self) -> str:
        return self.sha256[:12]


class RunArtifact(TenantOwned):
    """Links a run to its inbox files and to the raw pages it read."""

    class Role(models.TextChoices):
        INPUT = "input", _("Input")
        RAW = "raw", _("Raw page")

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey("ingestion.Run", on_delete=models.CASCADE, related_name="artifact_links")
    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="run_links")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    name = models.CharField(_("name"), max_length=255, blank=True)
    """The file's name as uploaded, or "batch N"."""

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "artifact", "role"], name="ingestion_run_artifact_once")]
        verbose_name = _("run artifact")
        verbose_name_plural = _("run artifacts")

    def __str__(self) -> str:
        return self.name
