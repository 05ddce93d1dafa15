"""Staff of the console's tests."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Q

from ingestion.models import Tenant, TenantGrant

PASSWORD = "console-tests"


def staff(name: str, *tenants: Tenant, permissions: str | list[str] = "all", **values: Any) -> Any:
    """Staff with grants for `tenants`. `permissions`: "all" or "view" of our apps, or a list of codenames."""
    user = get_user_model().objects.create_user(name, password=PASSWORD, is_staff=True, **values)
    ours = Permission.objects.exclude(content_type__app_label__in=["auth", "admin", "sessions", "contenttypes"])
    if permissions == "view":
        ours = ours.filter(codename__startswith="view_").exclude(codename="view_payload")
    elif permissions != "all":
        ours = ours.filter(Q(codename__in=permissions))
    user.user_permissions.set(ours)
    TenantGrant.objects.bulk_create(TenantGrant(tenant=tenant, user=user) for tenant in tenants)
    return user


def superuser(name: str = "root") -> Any:
    return get_user_model().objects.create_superuser(name, password=PASSWORD)
