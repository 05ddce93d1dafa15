"""Searches of a list for one whole value, by indexes that begin with the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from ingestion.models import Tenant


def find_exactly(queryset: QuerySet[Any], term: str, columns: Sequence[str]) -> QuerySet[Any]:
    """Rows whose first column of `columns` that has `term` anywhere among them is `term`; all rows for no term.

    One column at a time, because OR uses no index; and for each tenant, because the indexes begin with it.
    """
    term = term.strip()
    if not term:
        return queryset
    if "\0" in term:  # PostgreSQL refuses it with an error of its own
        return queryset.none()
    within = queryset.filter(tenant__in=Tenant.objects.order_by().values("pk"))
    for column in columns:
        rows = within.filter(**{column: term})
        if rows.exists():
            return rows
    return queryset.none()
