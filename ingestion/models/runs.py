"""Runs and their timeline."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class Run(TenantOwned):
    """One execution of a pipeline for a connection over a frozen window or inbox.

    Its owner is whoever last raised `fence`; every batch of work commits only `WHERE fence = mine`.
    """

    class Kind(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        MANUAL = "manual", _("Manual")
        UPLOAD = "upload", _("Upload")
        REPLAY = "replay", _("Replay")
        BACKFILL = "backfill", _("Backfill")
        WEBHOOK = "webhook", _("Webhook")

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        PARTIAL = "partial", _("Partial")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    ACTIVE = (State.QUEUED, State.RUNNING)
    TERMINAL = (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED)

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="runs")
    connection = models.ForeignKey("ingestion.Connection", on_delete=models.PROTECT, related_name="runs")
    parent = models.ForeignKey(
        "self",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        related_name="shards",
        verbose_name=_("backfill"),
    )
    """The backfill whose window this run, a shard, holds a part of."""
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    pipeline = models.CharField(_("pipeline"), max_length=100)
    pipeline_version = models.CharField(_("pipeline version"), max_length=50, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=20, choices=State.choices, default=State.QUEUED)
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    due_key = models.CharField(max_length=64, null=True, editable=False, unique=True)  # noqa: DJ001  NULL is not unique
    """Connection and due instant of a scheduled run: the same instant can never become two runs."""
    active_key = models.BigIntegerField(null=True, editable=False, unique=True)
    """The connection's id while this run is running, else NULL: at most one running run a connection.

    Shards of a backfill run beside them: theirs is one of the backfill's slots, a negative number.
    """
    webhook_key = models.BigIntegerField(null=True, editable=False, unique=True)
    """The connection's id while this run is to take deliveries in, queued or running: at most one a connection."""

    retry_of = models.OneToOneField(
        "self", on_delete=models.SET_NULL, null=True, editable=False, related_name="retried_by"
    )
    """The ended run that this one repeats: unique, so that two clicks on retry make one run."""
    slot_key = models.BigIntegerField(null=True, editable=False, unique=True)
    """Tenant id * 1000 + slot while this run is running, else NULL: no more runs than the tenant has slots."""

    window_start = models.DateTimeField(_("window start"), null=True, blank=True)
    window_end = models.DateTimeField(_("window end"), null=True, blank=True)
    watermark_before = models.DateTimeField(_("watermark before"), null=True, blank=True)
    watermark_after = models.DateTimeField(_("watermark after"), null=True, blank=True)
    checkpoint = models.JSONField(_("checkpoint"), null=True, blank=True)
    batches = models.PositiveIntegerField(_("batches"), default=0)
    tally = models.JSONField(_("control totals"), default=dict, blank=True)

    read = models.PositiveBigIntegerField(_("read"), default=0)
    ok = models.PositiveBigIntegerField(_("ok"), default=0)
    skipped = models.PositiveBigIntegerField(_("skipped"), default=0)
    dead = models.PositiveBigIntegerField(_("dead"), default=0)

    skip_reasons = models.JSONField(_("skip reasons"), default=dict, blank=True)
    """How many records were skipped for which reason; adds up to `skipped`."""
    left_out = models.JSONField(_("left out"), default=dict, blank=True)
    """How many things the source left out on purpose, by reason; none of them is in `read`."""
    proofs = models.JSONField(_("proofs"), default=dict, blank=True)
    """What was proved or could not be checked: subject (a file), verdict, how many times."""

    fence = models.PositiveIntegerField(_("fence"), default=0)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("failed attempts"), default=0)
    """Since the last committed batch; the timeline has them all."""
    not_before = models.DateTimeField(_("not before"), null=True, blank=True)
    deaths = models.PositiveIntegerField(_("worker deaths"), default=0)
    """Workers that died since the last committed batch."""
    isolation = models.JSONField(null=True, blank=True, editable=False)
    """Where the search for a record that kills workers stands; see ingestion/running/poison_bisection.py."""
    cancel_requested = models.BooleanField(_("cancel requested"), default=False)

    error_class = models.CharField(_("error class"), max_length=100, blank=True)
    error_message = models.TextField(_("error"), blank=True)
    traceback = models.TextField(_("traceback"), blank=True)
    host = models.CharField(_("host"), max_length=200, blank=True)
    worker_pid = models.PositiveIntegerField(_("worker process"), null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="ingestion_run_lease"),
            models.Index(fields=["state", "tenant", "id"], name="ingestion_run_line"),
            models.Index(fields=["connection", "state"], name="ingestion_run_connection"),
            models.Index(fields=["connection", "-id"], name="ingestion_run_latest"),
            models.Index(fields=["tenant", "pipeline", "-id"], name="ingestion_run_recent"),
            models.Index(fields=["parent", "state"], name="ingestion_run_shards"),
            models.Index(fields=["kind", "-id"], name="ingestion_run_kind"),
            models.Index(fields=["pipeline", "-id"], name="ingestion_run_pipeline"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(read=models.F("ok") + models.F("skipped") + models.F("dead")),
                name="ingestion_run_counts_add_up",
            ),
        ]
        permissions = [("cancel_run", "Can cancel and retry runs")]
        verbose_name = _("run")
        verbose_name_plural = _("runs")

    def __str__(self) -> str:
        return f"run {self.pk}"

    @property
    def is_backfill(self) -> bool:
        """Whether this is the parent of shards: no worker executes it, the last of its shards closes it."""
        return self.kind == self.Kind.BACKFILL and self.parent_id is None

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE


class Event(TenantOwned):
    """One line of a run's timeline."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(_("at"), auto_now_add=True)
    name = models.CharField(_("event"), max_length=50)
    text = models.TextField(_("text"), blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True)

    class Meta(TenantOwned.Meta):
        abstract = False
        ordering = ["id"]
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return self.name
