"""Which rows of any table a member of staff may see: the one rule behind every list, choice, filter and object page."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest

from ingestion.models import Tenant

MOST_KEYS = 1_000


def tenant_path(model: type[models.Model]) -> str | None:
    """The lookup from `model` to its tenant: "pk" for Tenant itself, "tenant" for what a tenant owns, else None."""
    if issubclass(model, Tenant):
        return "pk"
    try:
        field = model._meta.get_field("tenant")
    except FieldDoesNotExist:
        return None
    return "tenant" if field.related_model is Tenant else None


def only_own(queryset: QuerySet[Any], user: Any) -> QuerySet[Any]:
    """The rows of `queryset` that belong to tenants granted to `user`; tables that no tenant owns pass unchanged.

    Users are no tenant's property, but a list of them names another tenant's people: staff see those who share a tenant
    with them. Where INGESTION["TENANTS_FOR_USER"] replaces the grants, that cannot be asked of a table, and staff see
    nobody but themselves.
    """
    if user.is_superuser and user.is_active:
        return queryset
    granted = Tenant.objects.granted_to(user)
    path = tenant_path(queryset.model)
    if path is not None:
        return queryset.filter(**{f"{path}__in": granted.values("pk")})
    if issubclass(queryset.model, get_user_model()):
        return queryset.filter(models.Q(pk=user.pk) | models.Q(pk__in=_colleagues(granted)))
    return queryset


def own_rows(queryset: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """`only_own` for one request, with the tenants' keys in the statement instead of a question for them.

    MariaDB would begin with the question, join each tenant's rows and sort them all for the first page; with the keys
    it walks the index that the page is ordered by. The grants are asked once a request; users of more than
    `MOST_KEYS` tenants see so much that their pages are found in any order.
    """
    path, user = tenant_path(queryset.model), request.user
    if path is None or (user.is_superuser and user.is_active):
        return only_own(queryset, user)
    keys = granted_keys(request)
    return only_own(queryset, user) if len(keys) > MOST_KEYS else queryset.filter(**{f"{path}__in": keys})


def granted_keys(request: HttpRequest) -> list[int]:
    """The first `MOST_KEYS` + 1 tenants of the request's user, asked once."""
    if "_ingestion_keys" not in request.__dict__:
        granted = Tenant.objects.granted_to(request.user).order_by("pk")
        request.__dict__["_ingestion_keys"] = list(granted.values_list("pk", flat=True)[: MOST_KEYS + 1])
    keys: list[int] = request.__dict__["_ingestion_keys"]
    return keys


def is_own(request: HttpRequest, row: models.Model) -> bool:
    """Whether `row` belongs to a tenant granted to the request's user, by what `granted_keys` asked once.

    Only for users of more than `MOST_KEYS` tenants the database is asked, once a request and tenant.
    """
    path = tenant_path(type(row))
    if path is None:
        return False
    user: Any = request.user
    if user.is_superuser and user.is_active:
        return True
    tenant_id: int | None = row.pk if path == "pk" else getattr(row, "tenant_id", None)
    keys = granted_keys(request)
    if tenant_id in keys or len(keys) <= MOST_KEYS:
        return tenant_id in keys
    granted: dict[int | None, bool] = request.__dict__.setdefault("_ingestion_granted", {})
    if tenant_id not in granted:
        granted[tenant_id] = Tenant.objects.granted_to(user).filter(pk=tenant_id or 0).exists()
    return granted[tenant_id]


def _colleagues(granted: QuerySet[Tenant]) -> QuerySet[Any]:
    from ingestion.conf import config
    from ingestion.models import TenantGrant

    if config().TENANTS_FOR_USER:
        return TenantGrant.objects.none().values("user")
    return TenantGrant.objects.filter(tenant__in=granted.values("pk")).values("user")
