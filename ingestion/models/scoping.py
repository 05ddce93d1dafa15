"""A tenant-owned table cannot be asked without saying whose rows are meant.

`Model.objects` refuses to touch the database until `.for_tenant(tenant)` or `.for_user(user)` was called on it.
`Model.unscoped` is the one way round, easy to find with grep; only the engine and the admin (which scopes by itself)
use it. Related managers (`run.events`) are scoped by their owner.
"""

from __future__ import annotations

from typing import Any, Self, TypeVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models, router

from ingestion.core.context import TenantRef
from ingestion.core.errors import TenantScopeError

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M]):
    """Raises TenantScopeError on any query that was not scoped first."""

    _scoped = False

    def for_tenant(self, tenant: models.Model | TenantRef | int) -> Self:
        """Only rows of `tenant` (a Tenant, a TenantRef or its primary key)."""
        key = tenant if isinstance(tenant, int) else tenant.id if isinstance(tenant, TenantRef) else tenant.pk
        return self._scope(models.Q(tenant_id=key))

    def for_user(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """Only rows of the tenants `user` was granted; all rows for a superuser."""
        from ingestion.models.tenants import Tenant

        return self._scope(models.Q(tenant__in=Tenant.objects.granted_to(user)))

    def _scope(self, condition: models.Q) -> Self:
        scoped = self.filter(condition)
        scoped._scoped = True
        return scoped

    def _require_scope(self) -> None:
        if not self._scoped:
            name = self.model.__name__
            raise TenantScopeError(
                f"{name}.objects was used without a tenant; write {name}.objects.for_tenant(tenant)."
            )

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._scoped = self._scoped
        return clone

    def _fetch_all(self) -> None:
        self._require_scope()
        super()._fetch_all()

    def iterator(self, *args: Any, **kwargs: Any) -> Any:
        self._require_scope()
        return super().iterator(*args, **kwargs)

    def count(self) -> int:
        self._require_scope()
        return super().count()

    def exists(self) -> bool:
        self._require_scope()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self._require_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        self._require_scope()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._require_scope()
        return super().delete()

    def _combinator_query(self, combinator: str, *others: Any, all: bool = False) -> Self:  # noqa: A002  Django's name
        """union(), intersection() and difference(): both sides must be scoped."""
        for queryset in (self, *others):
            _require(queryset)
        return super()._combinator_query(combinator, *others, all=all)  # type: ignore[misc, no-any-return]

    def __or__(self, other: Any) -> Self:
        return self._combined(other, super().__or__(other))

    def __and__(self, other: Any) -> Self:
        return self._combined(other, super().__and__(other))

    def __xor__(self, other: Any) -> Self:
        return self._combined(other, super().__xor__(other))

    def _combined(self, other: Any, result: Any) -> Self:
        _require(self)
        _require(other)
        result._scoped = True
        return result  # type: ignore[no-any-return]

    def aiterator(self, *args: Any, **kwargs: Any) -> Any:
        self._require_scope()
        return super().aiterator(*args, **kwargs)

    def explain(self, *args: Any, **kwargs: Any) -> str:
        self._require_scope()
        return super().explain(*args, **kwargs)


def _require(query: Any) -> None:
    if isinstance(query, TenantQuerySet):
        query._require_scope()


class PinnedManager(models.Manager[M]):
    """Reads where the model is written, whatever a project's router says of reads: a replica may be seconds behind.

    What a run has just committed must be seen by whoever decides by it. `.using(alias)` asks another one on purpose.
    """

    @property
    def db(self) -> str:
        hints: dict[str, Any] = self._hints  # type: ignore[attr-defined]  # Django's, which its stubs do not know
        return self._db or router.db_for_write(self.model, **hints)

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().using(self.db)


class TenantManager(PinnedManager[M]):
    """`objects` of every tenant-owned model."""

    def get_queryset(self) -> TenantQuerySet[M]:
        return TenantQuerySet(self.model, using=self.db)

    def for_tenant(self, tenant: models.Model | TenantRef | int) -> TenantQuerySet[M]:
        return self.get_queryset().for_tenant(tenant)

    def for_user(self, user: AbstractBaseUser | AnonymousUser) -> TenantQuerySet[M]:
        return self.get_queryset().for_user(user)


class TenantOwned(models.Model):
    """Abstract base of every table with a tenant: the foreign key and the two managers."""

    tenant = models.ForeignKey("ingestion.Tenant", on_delete=models.PROTECT, related_name="+")

    unscoped = PinnedManager()  # first, so Django's own checks, related managers and deletions use it
    objects = TenantManager()

    class Meta:
        abstract = True
        default_manager_name = "unscoped"
        base_manager_name = "unscoped"
