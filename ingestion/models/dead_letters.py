"""Records that were rejected: whole, with every reason, until somebody replays, settles or abandons them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.fields import ExternalIdField
from ingestion.models.scoping import TenantOwned


class DeadLetter(TenantOwned):
    """One bad record of one pipeline. The same record delivered again raises `times_seen`, a replay of it does not."""

    class Status(models.TextChoices):
        NEW = "new", _("New")
        TRIAGED = "triaged", _("Triaged")
        REPLAYED = "replayed", _("Replayed")
        ABANDONED = "abandoned", _("Abandoned")
        SETTLED = "settled", _("Settled")

    OPEN = (Status.NEW, Status.TRIAGED)
    GIVEN_UP = (Status.ABANDONED, Status.SETTLED)
    """Closed without having been loaded: these can be opened again."""

    # A source may be bad as a whole, and every index is paid for with each letter: those below begin with these keys.
    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+", db_index=False)
    connection = models.ForeignKey(
        "ingestion.Connection", on_delete=models.PROTECT, related_name="dead_letters", db_index=False
    )
    pipeline = models.CharField(_("pipeline"), max_length=100)
    identity = models.CharField(max_length=64, editable=False)
    """SHA-256 (hex) of source id and payload: what makes two failures the same bad record."""
    source_id = ExternalIdField(_("source id"), blank=True)
    position = models.CharField(_("position"), max_length=100, blank=True)
    payload = models.BinaryField(_("payload"))
    """The record's untouched bytes; empty when they are too many for a row, then `artifact` keeps them."""
    # Next to no letter has one, and an index would be paid for by each: deleting an artifact reads the letters instead.
    artifact = models.ForeignKey(
        "ingestion.Artifact",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    run = models.ForeignKey("ingestion.Run", on_delete=models.PROTECT, related_name="dead_letters")
    """The run that saw it last."""
    stage = models.CharField(_("stage"), max_length=20)
    error_class = models.CharField(_("error class"), max_length=100)
    errors = models.JSONField(_("errors"), default=list)
    """[{"path": ..., "code": ..., "message": ...}, ...], all of them."""
    fingerprint = models.CharField(_("fingerprint"), max_length=32)
    """Groups letters with the same cause: hash of pipeline, stage, error class and the errors' paths and codes."""
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.NEW)
    note = models.TextField(_("note"), blank=True)
    correlation_id = models.CharField(_("correlation id"), max_length=100, blank=True)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    times_seen = models.PositiveIntegerField(_("times seen"), default=1)
    replay_attempts = models.PositiveIntegerField(_("replay attempts"), default=0)
    replay_run = models.ForeignKey(
        "ingestion.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    """The replay run that holds this letter now, or replayed it."""
    replayed_at = models.DateTimeField(_("replayed at"), null=True, blank=True)
    # As above: only deleting a user would look for it.
    replayed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["connection", "identity"], name="ingestion_letter_once"),
        ]
        indexes = [
            models.Index(fields=["tenant", "pipeline", "status", "id"], name="ingestion_letter_open"),
            models.Index(fields=["connection", "source_id"], name="ingestion_letter_source"),
            models.Index(fields=["fingerprint"], name="ingestion_letter_cause"),
            models.Index(fields=["replay_run", "id"], name="ingestion_letter_replay"),
            models.Index(fields=["status", "-id"], name="ingestion_letter_status"),
            models.Index(fields=["last_seen"], name="ingestion_letter_seen"),
        ]
        permissions = [
            ("replay_deadletter", "Can replay dead letters"),
            ("triage_deadletter", "Can triage and abandon dead letters"),
            ("view_payload", "Can see the payload of dead letters and artifacts"),
        ]
        verbose_name = _("dead letter")
        verbose_name_plural = _("dead letters")

    def __str__(self) -> str:
        return f"{self.pipeline} {self.source_id or self.identity[:12]}"
