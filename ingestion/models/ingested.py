"""The abstract base of canonical tables."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ingestion.models.scoping import TenantOwned


class Ingested(TenantOwned):
    """Gives a canonical table what the loader needs: tenant, run, content digest and load time.

    Add your own columns and exactly one unique constraint: `UniqueConstraint(fields=["tenant", <key columns>])`.
    """

    # No index of its own: the unique constraint begins with it.
    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+", db_index=False)
    run = models.ForeignKey("ingestion.Run", on_delete=models.PROTECT, related_name="+", editable=False)
    """The run that last wrote this row."""
    digest = models.BinaryField(max_length=16, editable=False)
    """Names the content this row was made of; equal digest means nothing to do."""
    loaded_at = models.DateTimeField(_("loaded"), editable=False)

    class Meta(TenantOwned.Meta):
        abstract = True
