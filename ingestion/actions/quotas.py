"""What an operator can do about quotas: allow a tenant more (or less) than its tier, for a while, and end that."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ingestion.actions.actor import Actor
from ingestion.core import meters
from ingestion.core.errors import ActionRefused
from ingestion.models import QuotaOverride, Tenant

_MOST = 2**63 - 1


def override_quota(
    actor: Actor, tenant: Tenant, meter: str, limit: int, expires_at: datetime, reason: str
) -> QuotaOverride:
    """Let `tenant` use `limit` of `meter` a month, in the place of its tier's quota, until `expires_at`.

    The newest override in force counts. Raises ConfigurationError for an unknown meter; ActionRefused without a
    reason, for a limit below 0, or for an expiry that is past or has no time zone.
    """
    actor.require("override_quota", tenant)
    meters.get(meter)
    if not reason:
        raise ActionRefused("Say why the quota is overridden; the reason is kept with it.")
    if not 0 <= limit <= _MOST:
        raise ActionRefused(f"{limit} is no quota; give a whole number, 0 or more.")
    if expires_at.tzinfo is None or expires_at <= timezone.now():
        raise ActionRefused("Give an expiry in the future with its time zone, for example 2031-01-31T00:00Z.")
    with transaction.atomic():
        override = QuotaOverride.unscoped.create(
            tenant=tenant,
            meter=meter,
            limit=limit,
            expires_at=expires_at,
            reason=reason[:200],
            actor_name=actor.name[:200],
        )
        actor.audit(tenant, "override quota", override, reason, override=override.pk, expires_at=expires_at.isoformat())
    return override


def end_override(actor: Actor, override: QuotaOverride, reason: str = "") -> None:
    """Let `override` expire now. What was used stays used. Raises ActionRefused when it has expired already."""
    actor.require("override_quota", override.tenant)
    now = timezone.now()
    with transaction.atomic():
        in_force = QuotaOverride.objects.for_tenant(override.tenant).filter(pk=override.pk, expires_at__gt=now)
        if not in_force.update(expires_at=now):
            raise ActionRefused(f"Override {override.pk} has expired already.")
        actor.audit(override.tenant, "end quota override", override, reason, override=override.pk)
    override.refresh_from_db()
