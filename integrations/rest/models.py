"""The generic table: records of APIs that staff declared, as they are."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models import ExternalIdField, Ingested
from integrations.rest.exact_json import ExactDecoder, ExactEncoder


class RestRecord(Ingested):
    """One record of one connection of `rest.records`. `source` is that connection's name.

    Numbers in `body` keep every digit on SQLite, MariaDB and PostgreSQL; MySQL's own JSON type keeps them as doubles,
    there the exact ones are in the run's raw pages.
    """

    source = ExternalIdField(_("source"), max_length=50, blank=True)
    external_id = ExternalIdField(_("external id"))
    version = models.BigIntegerField(_("version"), null=True)
    """When the source changed it, in microseconds since 1970, or its own version: an older one never overwrites it."""
    ordered_by = models.CharField(_("ordered by"), max_length=220, null=True)  # noqa: DJ001  null: of before it was kept
    """The member that `version` was read from, and its declared unit: versions of others cannot be compared."""
    updated_at = models.DateTimeField(_("updated"), null=True)
    """The same as a time, where the source gives one."""
    body = models.JSONField(_("record"), encoder=ExactEncoder, decoder=ExactDecoder)

    class Meta(Ingested.Meta):
        abstract = False
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["tenant", "source", "external_id"], name="rest_record_once")]
        verbose_name = _("REST record")
        verbose_name_plural = _("REST records")

    def __str__(self) -> str:
        return self.external_id
