"""Queries of tenants' rows keep to their tenant, also when they are combined."""

from __future__ import annotations

import pytest

from ingestion import (
    TenantScopeError,
)
from ingestion.models import Run
from tests.ingestion.runs import (
    new_tenant,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.every_database]


def test_combining_a_scoped_query_with_an_unscoped_one_is_refused() -> None:
    ours = Run.objects.for_tenant(new_tenant())

    for combine in (
        lambda: ours | Run.objects.all(),
        lambda: Run.objects.all() | ours,
        lambda: ours & Run.objects.all(),
        lambda: ours.union(Run.objects.all()),
    ):
        with pytest.raises(TenantScopeError):
            list(combine())
    assert list(ours | ours) == []


def test_what_is_made_of_a_query_without_a_tenant_has_none_either() -> None:
    for made in (Run.objects.filter(state="queued"), Run.objects.exclude(pk=1).order_by("pk")):
        with pytest.raises(TenantScopeError):
            list(made)
        with pytest.raises(TenantScopeError):
            made.count()
