"""Rows of a queryset: with its fields' own conversions, and fields of related rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet, Value

from integrations.databases.reading import Cursor, Row, Span, order
from integrations.databases.sessions import Session
from integrations.databases.unreadable import Unreadable


@dataclass(frozen=True, slots=True)
class ModelRows:
    session: Session
    queryset: QuerySet[Any]
    columns: Sequence[str]
    of: Mapping[str, Any]
    key: Sequence[str]
    watermark: str

    def page(self, span: Span, after: Cursor | None, most: int) -> Sequence[Row]:
        by = order(span, self.watermark, self.key)
        query = self._rows(span)
        if after is not None:
            query = query.filter(_beyond(by, [_question(value) for value in after]))
        wanted = self.columns or [field.attname for field in query.model._meta.concrete_fields]
        self.session.begin()
        found = query.order_by(*by).values(*dict.fromkeys([*wanted, *by]))[:most]
        return [Row({name: row[name] for name in wanted}, tuple(row[name] for name in by)) for row in found]

    def any_null(self, span: Span, columns: Sequence[str]) -> bool:
        self.session.begin()
        return self._rows(span).filter(reduce(or_, (Q(**{f"{name}__isnull": True}) for name in columns))).exists()

    def _rows(self, span: Span) -> QuerySet[Any]:
        query = self.queryset.using(self.session.alias).filter(**{_lookup(k, v): v for k, v in self.of.items()})
        if span.name == "nulls":
            query = query.filter(**{f"{self.watermark}__isnull": True})
        if span.low is not None:
            query = query.filter(**{f"{self.watermark}__gte": span.low})
        if span.high is not None:
            query = query.filter(**{f"{self.watermark}__lt": span.high})
        return query


def _lookup(name: str, value: Any) -> str:
    return f"{name}__in" if isinstance(value, list | tuple | set | frozenset) else name


def _question(value: Any) -> Any:
    """What a field cannot hold goes back as the database wrote it; the field would refuse it."""
    return Value(str(value)) if isinstance(value, Unreadable) else value


def _beyond(by: Sequence[str], after: Sequence[Any]) -> Q:
    condition = Q(**{f"{by[-1]}__gt": after[-1]})
    for name, value in reversed(list(zip(by[:-1], after[:-1], strict=True))):
        condition = Q(**{f"{name}__gte": value}) & (Q(**{f"{name}__gt": value}) | (Q(**{name: value}) & condition))
    return condition
