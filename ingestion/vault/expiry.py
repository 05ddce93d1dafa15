"""Warns once a day of credentials whose expiry date is near or past."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import Q, QuerySet

from ingestion.conf import config
from ingestion.database.clock import DbNow, db_now_plus
from ingestion.models import Credential

logger = logging.getLogger("ingestion")
_DAY = 24 * 3600.0


def expiring() -> QuerySet[Credential]:
    """All tenants' credentials that have expired or soon will, the most urgent first."""
    soon = db_now_plus(timedelta(days=config().EXPIRY_WARNING_DAYS).total_seconds())
    return Credential.unscoped.filter(expires_at__lte=soon).select_related("tenant").order_by("expires_at", "pk")


def warn() -> int:
    """Write one log line a day for each of them, however often it is called; how many this call wrote."""
    quiet = Q(warned_at__isnull=True) | Q(warned_at__lte=db_now_plus(-_DAY))
    warnings = 0
    for credential in expiring().filter(quiet):
        unwarned = Credential.objects.for_tenant(credential.tenant_id).filter(quiet, pk=credential.pk)
        if unwarned.update(warned_at=DbNow()):
            warnings += 1
            logger.warning(
                "The credential for %s expires at %s; store a new one: "
                "manage.py ingest credential set --tenant %s --integration %s",
                credential.integration,
                f"{credential.expires_at:%Y-%m-%d %H:%M:%SZ}",
                credential.tenant.key,
                credential.integration,
                extra={"tenant_id": credential.tenant_id, "event": "credential_expiry"},
            )
    return warnings
