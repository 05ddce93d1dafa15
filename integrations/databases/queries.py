"""Rows of a queryset: with its fields' own conversions, and fields of related rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.core.exceptions import EmptyResultSet, FieldError, ValidationError
from django.db.models import (
    BinaryField,
    BooleanField,
    CharField,
    DecimalField,
    F,
    Field,
    FloatField,
    Func,
    IntegerField,
    Model,
    Q,
    QuerySet,
    TextField,
    Value,
)

from ingestion import ConfigurationError
from integrations.databases.kinds import FLOAT, kinds, require_order
from integrations.databases.mysql_values import AS_DOUBLE, shortest
from integrations.databases.owners import MANY, fitting, stored, text_of, texts
from integrations.databases.reading import Cursor, Row, Span, order, rest
from integrations.databases.sessions import Session
from integrations.databases.unreadable import Unreadable

_EXACT = "is_exactly_"
_DOUBLE = "as_double_"
_KINDS: dict[type, str] = {
    CharField: "CharField",
    TextField: "TextField",
    BooleanField: "BooleanField",
    IntegerField: "IntegerField",
    DecimalField: "DecimalField",
    FloatField: "FloatField",
}


@dataclass(frozen=True, slots=True)
class ModelRows:
    session: Session
    queryset: QuerySet[Any]
    columns: Sequence[str]
    of: Mapping[str, Any]
    key: Sequence[str]
    watermark: str
    exactly: Mapping[str, Sequence[str]]
    """Of those columns in `of` that are text, the texts that they must be to the letter."""
    floats: frozenset[str] = frozenset()
    """Those of the columns that MariaDB and MySQL would give with fewer digits than they hold."""

    def page(self, span: Span, after: Cursor | None, most: int) -> Sequence[Row]:
        by = order(span, self.watermark, self.key)
        query = self._rows(rest(span, self.watermark, by, after))
        if after is not None:
            query = query.filter(_beyond(by, [_question(value) for value in after]))
        wanted = _wanted(self.queryset, self.columns)
        doubles = {name: f"{_DOUBLE}{number}" for number, name in enumerate(sorted(self.floats))}
        query = query.annotate(**{alias: _as_double(name) for name, alias in doubles.items()})
        listed = dict.fromkeys([*(doubles.get(name, name) for name in wanted), *by])
        self.session.begin()
        fetched = query.order_by(*by).values(*listed)[:most]
        return [Row(_whole(row, wanted, doubles), tuple(row[name] for name in by)) for row in fetched]

    def any_null(self, span: Span, columns: Sequence[str]) -> bool:
        self.session.begin()
        return self._rows(span).filter(reduce(or_, (Q(**{f"{name}__isnull": True}) for name in columns))).exists()

    def has_strangers(self, span: Span) -> bool:
        if not self.exactly:
            return False
        self.session.begin()
        return self.matching(span).exclude(self._ours()).exists()

    def _rows(self, span: Span) -> QuerySet[Any]:
        query = self.matching(span)
        return query.filter(self._ours()) if self.exactly else query

    def _ours(self) -> Q:
        vendor = self.session.vendor
        conditions = Q()
        for number, (name, wanted) in enumerate(self.exactly.items()):
            exactly = Q(**{f"{_EXACT}{number}__in": [stored(vendor, text) for text in wanted]})
            value = self.of[name]
            others = [part for part in value if not isinstance(part, str)] if isinstance(value, MANY) else []
            conditions &= exactly | Q(**{f"{name}__in": others}) if others else exactly
        return conditions

    def matching(self, span: Span) -> QuerySet[Any]:
        """For this an index serves; it takes a text also for others that its collation holds for equal."""
        vendor = self.session.vendor
        query = self.queryset.using(self.session.alias).filter(**{_lookup(k, v): v for k, v in self.of.items()})
        for number, name in enumerate(self.exactly):
            kind: Field[Any, Any] = BinaryField() if vendor == "mysql" else TextField()
            text = Func(F(name), template=text_of(vendor).format("%(expressions)s"), output_field=kind)
            query = query.alias(**{f"{_EXACT}{number}": text})
        if span.name == "nulls":
            query = query.filter(**{f"{self.watermark}__isnull": True})
        if span.low is not None:
            query = query.filter(**{f"{self.watermark}__gte": span.low})
        if span.high is not None:
            query = query.filter(**{f"{self.watermark}__lt": span.high})
        return query


def _wanted(queryset: QuerySet[Any], columns: Sequence[str]) -> Sequence[str]:
    return columns or [field.attname for field in queryset.model._meta.concrete_fields]


def _as_double(name: str) -> Func:
    return Func(F(name), template=AS_DOUBLE.format("%(expressions)s"), output_field=FloatField())


def _whole(row: Mapping[str, Any], wanted: Sequence[str], doubles: Mapping[str, str]) -> Mapping[str, Any]:
    return {name: shortest(row[doubles[name]]) if name in doubles else row[name] for name in wanted}


def _lookup(name: str, value: Any) -> str:
    return f"{name}__in" if isinstance(value, MANY) else name


def _question(value: Any) -> Any:
    """What a field cannot hold goes back as the database wrote it; the field would refuse it."""
    return Value(str(value)) if isinstance(value, Unreadable) else value


def _beyond(by: Sequence[str], after: Sequence[Any]) -> Q:
    condition = Q(**{f"{by[-1]}__gt": after[-1]})
    for name, value in reversed(list(zip(by[:-1], after[:-1], strict=True))):
        condition = Q(**{f"{name}__gte": value}) & (Q(**{f"{name}__gt": value}) | (Q(**{name: value}) & condition))
    return condition


def model_rows(
    session: Session,
    queryset: QuerySet[Any],
    columns: Sequence[str],
    of: Mapping[str, Any],
    key: Sequence[str],
    watermark: str,
) -> ModelRows:
    """Raises ConfigurationError where no row can be `of`, or where rows cannot be read in the order of the key."""
    by = list(dict.fromkeys([*key, *([watermark] if watermark else [])]))
    read = _wanted(queryset, columns) if session.vendor == "mysql" else []
    described = list(dict.fromkeys([*by, *read]))
    types = dict(zip(*_types(session, queryset, described), strict=False))
    require_order(by, [types.get(name, "") for name in by])
    floats = frozenset(name for name in read if types.get(name) == FLOAT)
    of = _by_field(of)
    fields = {name: _field(queryset, name) for name in of}
    kinds_of = {name: _kind(field) for name, field in fields.items()}
    wanted = fitting({name: _columns_value(of[name], fields[name]) for name in of}, list(kinds_of.values()))
    exactly = {name: words for name, kind in kinds_of.items() if kind and (words := texts(wanted[name], kind))}
    reading = ModelRows(session, queryset, columns, wanted, key, watermark, exactly, floats)
    try:
        reading.matching(Span("all"))
    except (ValidationError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"of= asks for rows with {wanted!r}, and a field's type cannot be that: {error}. Nothing was read."
        ) from error
    except FieldError as error:
        raise ConfigurationError(f"of= asks for rows with {wanted!r}: {error}. Nothing was read.") from error
    return reading


def _types(session: Session, queryset: QuerySet[Any], by: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    try:
        sql, parameters = queryset.using(session.alias).order_by().values_list(*by).query.sql_with_params()
    except EmptyResultSet:
        return by, []
    return by, kinds(session, f"{sql} LIMIT 0", parameters)


def _field(queryset: QuerySet[Any], name: str) -> Any:
    """The field that holds what `name` of `of` is compared with, of a foreign key the one that it leads to; None where
    a lookup stands behind it, which says itself how it compares.
    """
    try:
        return queryset.alias(**{_EXACT: F(name)}).query.annotations[_EXACT].output_field
    except FieldError:
        return None


def _by_field(of: Mapping[str, Any]) -> Mapping[str, Any]:
    """`company__in` and `company__exact` ask what `company` does, so they are compared to the letter as well."""
    fields = {re.sub("__(in|exact)$", "", name): value for name, value in of.items()}
    if len(fields) < len(of):
        raise ConfigurationError(f"of= asks twice for one field: {', '.join(of)}. Ask once, for a value or a list.")
    return fields


def _columns_value(value: Any, field: Any) -> Any:
    """What a foreign key's column holds of a model instance that it leads to."""
    if isinstance(value, MANY):
        return [_columns_value(part, field) for part in value]
    leads_there = isinstance(value, Model) and isinstance(value, getattr(field, "model", ()))
    return getattr(value, field.attname) if leads_there else value


def _kind(field: Any) -> str:
    """What kind of column it is, for those that need care."""
    while getattr(field, "remote_field", None):
        field = field.target_field
    return next((kind for sort, kind in _KINDS.items() if isinstance(field, sort)), "")
