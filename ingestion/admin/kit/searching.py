"""Searches of a list for one whole value, by indexes that begin with the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from ingestion.admin.kit.ownership import MOST_KEYS, only_own
from ingestion.models import Connection, Tenant


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


def find_by_source(queryset: QuerySet[Any], term: str, pipeline: str, user: Any) -> QuerySet[Any]:
    """Rows whose `external_id` is `term`; all rows for no term.

    Their `source` is the name of a connection of `pipeline`: by tenant, source and id, because that is what their index
    holds. Of more connections than `MOST_KEYS` the table is searched.
    """
    term = term.strip()
    if not term:
        return queryset
    connections = only_own(Connection.unscoped.filter(pipeline=pipeline), user).order_by("pk")
    sources = list(connections.values_list("tenant", "name")[: MOST_KEYS + 1])
    if "\0" in term or not sources:  # PostgreSQL refuses NUL with an error of its own
        return queryset.none()
    if len(sources) > MOST_KEYS:
        return queryset.filter(external_id=term)
    return queryset.filter(reduce(or_, (Q(tenant=key, source=name, external_id=term) for key, name in sources)))
