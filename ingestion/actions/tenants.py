"""Making tenants and granting them to staff: for superusers and the command line."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction

from ingestion.actions.actor import Actor
from ingestion.core.errors import ActionRefused
from ingestion.models import Tenant, TenantGrant


def add_tenant(actor: Actor, key: str, name: str, tier: str = Tenant.Tier.FREE, time_zone: str = "UTC") -> Tenant:
    """A new tenant. Raises ActionRefused when the key is taken or a value is not allowed."""
    actor.require_superuser()
    tenant = Tenant(key=key, name=name, tier=tier, time_zone=time_zone)
    try:
        tenant.full_clean()
    except ValidationError as error:
        raise ActionRefused("; ".join(error.messages)) from error
    with transaction.atomic():
        tenant.save()
        actor.audit(tenant, "add tenant", tenant, key=key, tier=tier, time_zone=time_zone)
    return tenant


def grant(actor: Actor, tenant: Tenant, user: AbstractBaseUser) -> None:
    """Let `user` see `tenant`; what the user may do there is a matter of permissions. Safe to repeat."""
    actor.require_superuser()
    with transaction.atomic():
        _, created = TenantGrant.objects.get_or_create(tenant=tenant, user_id=user.pk)
        if created:
            actor.audit(tenant, "grant", user)
