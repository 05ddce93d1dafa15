"""Reads rows of a queryset, with the conversions of its fields, and with fields of related rows."""

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
from integrations.databases.mysql_values import AS_DOUBLE, shortest_float
from integrations.databases.owners import MANY, as_parameter, exact_texts, fit_values, text_expression
from integrations.databases.reading import Cursor, CursorRow, RowSpan, order_columns, remaining_span
from integrations.databases.sessions import DatabaseSession
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
    """A reader of the rows of `queryset` that belong to the tenant."""

    session: DatabaseSession
    queryset: QuerySet[Any]
    columns: Sequence[str]
    of: Mapping[str, Any]
    key: Sequence[str]
    watermark: str
    exact_texts: Mapping[str, Sequence[str]]
    """For each text column in `of`, the texts with which it is compared exactly."""
    floats: frozenset[str] = frozenset()
    """The columns that MariaDB and MySQL would send with fewer digits than they hold."""

    def page(self, span: RowSpan, after: Cursor | None, most: int) -> Sequence[CursorRow]:
        by = order_columns(span, self.watermark, self.key)
        query = self._rows(remaining_span(span, self.watermark, by, after))
        if after is not None:
            query = query.filter(_after_cursor(by, [_parameter(value) for value in after]))
        names = _column_names(self.queryset, self.columns)
        doubles = {name: f"{_DOUBLE}{number}" for number, name in enumerate(sorted(self.floats))}
        as_double = AS_DOUBLE.format("%(expressions)s")
        casts = {alias: Func(F(name), template=as_double, output_field=FloatField()) for name, alias in doubles.items()}
        query = query.annotate(**casts)
        selected = dict.fromkeys([*(doubles.get(name, name) for name in names), *by])
        self.session.begin()
        fetched = query.order_by(*by).values(*selected)[:most]
        return [CursorRow(_row_values(row, names, doubles), tuple(row[name] for name in by)) for row in fetched]

    def any_null(self, span: RowSpan, columns: Sequence[str]) -> bool:
        self.session.begin()
        return self._rows(span).filter(reduce(or_, (Q(**{f"{name}__isnull": True}) for name in columns))).exists()

    def has_similar_rows(self, span: RowSpan) -> bool:
        if not self.exact_texts:
            return False
        self.session.begin()
        return self.matching(span).exclude(self._exact_filter()).exists()

    def _rows(self, span: RowSpan) -> QuerySet[Any]:
        query = self.matching(span)
        return query.filter(self._exact_filter()) if self.exact_texts else query

    def _exact_filter(self) -> Q:
        """The filter that text columns are exactly one of the texts of `of`, or one of its values that are no texts."""
        vendor = self.session.vendor
        conditions = Q()
        for number, (name, texts) in enumerate(self.exact_texts.items()):
            exact = Q(**{f"{_EXACT}{number}__in": [as_parameter(vendor, text) for text in texts]})
            value = self.of[name]
            non_texts = [part for part in value if not isinstance(part, str)] if isinstance(value, MANY) else []
            conditions &= exact | Q(**{f"{name}__in": non_texts}) if non_texts else exact
        return conditions

    def matching(self, span: RowSpan) -> QuerySet[Any]:
        """The rows by filters that an index can serve; they also match texts that the collation takes for equal."""
        vendor = self.session.vendor
        filters = {f"{name}__in" if isinstance(value, MANY) else name: value for name, value in self.of.items()}
        query = self.queryset.using(self.session.alias).filter(**filters)
        for number, name in enumerate(self.exact_texts):
            kind: Field[Any, Any] = BinaryField() if vendor == "mysql" else TextField()
            text = Func(F(name), template=text_expression(vendor).format("%(expressions)s"), output_field=kind)
            query = query.alias(**{f"{_EXACT}{number}": text})
        if span.name == "nulls":
            query = query.filter(**{f"{self.watermark}__isnull": True})
        if span.low is not None:
            query = query.filter(**{f"{self.watermark}__gte": span.low})
        if span.high is not None:
            query = query.filter(**{f"{self.watermark}__lt": span.high})
        return query


def _column_names(queryset: QuerySet[Any], columns: Sequence[str]) -> Sequence[str]:
    return columns or [field.attname for field in queryset.model._meta.concrete_fields]


def _row_values(row: Mapping[str, Any], names: Sequence[str], doubles: Mapping[str, str]) -> Mapping[str, Any]:
    return {name: shortest_float(row[doubles[name]]) if name in doubles else row[name] for name in names}


def _parameter(value: Any) -> Any:
    """The value of a cursor as a parameter. An Unreadable one is a plain text, because its field would refuse it."""
    return Value(str(value)) if isinstance(value, Unreadable) else value


def _after_cursor(by: Sequence[str], after: Sequence[Any]) -> Q:
    """The filter of rows after the cursor, spelt out: not every planner uses an index for (a, b) > (x, y)."""
    condition = Q(**{f"{by[-1]}__gt": after[-1]})
    for name, value in reversed(list(zip(by[:-1], after[:-1], strict=True))):
        condition = Q(**{f"{name}__gte": value}) & (Q(**{f"{name}__gt": value}) | (Q(**{name: value}) & condition))
    return condition


def model_rows(
    session: DatabaseSession,
    queryset: QuerySet[Any],
    columns: Sequence[str],
    of: Mapping[str, Any],
    key: Sequence[str],
    watermark: str,
) -> ModelRows:
    """A reader of the tenant's rows.

    Raises ConfigurationError where a field of `of` cannot hold its value, or where rows cannot be read in the order of
    the key.
    """
    by = list(dict.fromkeys([*key, *([watermark] if watermark else [])]))
    read_columns = _column_names(queryset, columns) if session.vendor == "mysql" else []
    names = list(dict.fromkeys([*by, *read_columns]))
    types = dict(zip(*_types(session, queryset, names), strict=False))
    require_order(by, [types.get(name, "") for name in by])
    floats = frozenset(name for name in read_columns if types.get(name) == FLOAT)
    of = _by_field(of)
    fields = {name: _field(queryset, name) for name in of}
    kinds_of = {name: _kind(field) for name, field in fields.items()}
    values = fit_values({name: _column_value(of[name], fields[name]) for name in of}, list(kinds_of.values()))
    texts_of = {name: texts for name, kind in kinds_of.items() if kind and (texts := exact_texts(values[name], kind))}
    rows = ModelRows(session, queryset, columns, values, key, watermark, texts_of, floats)
    try:
        rows.matching(RowSpan("all"))
    except (ValidationError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"of= asks for rows with {values!r}, and a field's type cannot be that: {error}. Nothing was read."
        ) from error
    except FieldError as error:
        raise ConfigurationError(f"of= asks for rows with {values!r}: {error}. Nothing was read.") from error
    return rows


def _types(
    session: DatabaseSession, queryset: QuerySet[Any], names: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """The names, and the types of their columns; no types for a queryset that is always empty."""
    try:
        sql, parameters = queryset.using(session.alias).order_by().values_list(*names).query.sql_with_params()
    except EmptyResultSet:
        return names, []
    return names, kinds(session, f"{sql} LIMIT 0", parameters)


def _field(queryset: QuerySet[Any], name: str) -> Any:
    """The field with which the value of `name` in `of` is compared; for a foreign key, the field that it refers to.

    None where `name` ends in a lookup, which defines its own comparison.
    """
    try:
        return queryset.alias(**{_EXACT: F(name)}).query.annotations[_EXACT].output_field
    except FieldError:
        return None


def _by_field(of: Mapping[str, Any]) -> Mapping[str, Any]:
    """`of` with `company__in` and `company__exact` as `company`, so that they too are compared exactly."""
    fields = {re.sub("__(in|exact)$", "", name): value for name, value in of.items()}
    if len(fields) < len(of):
        raise ConfigurationError(f"of= asks twice for one field: {', '.join(of)}. Ask once, for a value or a list.")
    return fields


def _column_value(value: Any, field: Any) -> Any:
    """The value of a foreign key's column for a model instance; any other value as it is."""
    if isinstance(value, MANY):
        return [_column_value(part, field) for part in value]
    is_related = isinstance(value, Model) and isinstance(value, getattr(field, "model", ()))
    return getattr(value, field.attname) if is_related else value


def _kind(field: Any) -> str:
    """The kind of the field's column; "" for kinds that need no care."""
    while getattr(field, "remote_field", None):
        field = field.target_field
    return next((kind for field_class, kind in _KINDS.items() if isinstance(field, field_class)), "")
