"""List filters that show and accept own tenants' values only."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.filters import AllValuesFieldListFilter, FieldListFilter, RelatedFieldListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ingestion.admin.kit.ownership import MOST_KEYS, only_own, tenant_path
from ingestion.models import Connection

MOST_CHOICES = 30

if TYPE_CHECKING:
    _Related = RelatedFieldListFilter
else:
    _Related = object


class OwnChoices(_Related):
    """Mixed into every filter over a foreign key by TenantScoped: the choices are own rows, the first 30 of them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        related = field.related_model
        rows = only_own(related._default_manager.all(), request.user)
        ordering = self.field_admin_ordering(field, request, model_admin) or related._meta.ordering or ["pk"]
        if tenant_path(related) == "tenant":
            rows = rows.select_related("tenant")
        return [(row.pk, str(row)) for row in rows.order_by(*ordering)[:MOST_CHOICES]]

    def has_output(self) -> bool:
        # A filter that is in force must be seen, also when there is nothing else to choose.
        return super().has_output() or bool(self.used_parameters)


class OwnRelatedFilter(OwnChoices, RelatedFieldListFilter):
    """What a plain foreign-key name in `list_filter` becomes."""


@cache
def _restrict_choices(filter_class: type[RelatedFieldListFilter]) -> type[RelatedFieldListFilter]:
    return type(f"Own{filter_class.__name__}", (OwnChoices, filter_class), {})


def scoped_filter(model: type[models.Model], item: Any) -> Any:
    """`item` of a `list_filter`, made safe. Raises ImproperlyConfigured for what would list another tenant's values."""
    if isinstance(item, type):
        return item  # a SimpleListFilter computes its own choices; its author scopes them with `only_own`
    path, filter_class = (item[0], item[1]) if isinstance(item, tuple | list) else (item, None)
    field = get_fields_from_path(model, path)[-1]
    if field.is_relation:
        if filter_class is None or filter_class is FieldListFilter.create:
            return (path, OwnRelatedFilter)
        return (path, filter_class if issubclass(filter_class, OwnChoices) else _restrict_choices(filter_class))
    if (
        "__" in path
        and (filter_class is None or issubclass(filter_class, AllValuesFieldListFilter))
        and not field.choices
    ):
        raise ImproperlyConfigured(f"list_filter {path!r} of {model.__name__} would list the values of all tenants.")
    return item


class PipelineFilter(admin.SimpleListFilter):
    """By pipeline, as far as own connections use it: those are few, and the rows of a list may be millions.

    For models with a column `pipeline` by which there is an index, or a foreign key `connection`.
    """

    title = _("pipeline")
    parameter_name = "pipeline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        connections = only_own(Connection.unscoped.all(), request.user)
        names = connections.order_by("pipeline").values_list("pipeline", flat=True).distinct()[:MOST_CHOICES]
        return [(name, name) for name in names]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1 or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if "\0" in value:  # PostgreSQL refuses it with an error of its own
            raise IncorrectLookupParameters
        meta = queryset.model._meta
        indexed = any(index.fields[:1] == ["pipeline"] for index in meta.indexes)
        if indexed or all(field.name != "connection" for field in meta.concrete_fields):
            return queryset.filter(pipeline=value)
        return queryset.filter(connection__in=_connection_keys(value, request.user))


def _connection_keys(pipeline: str, user: Any) -> Any:
    """Keys of the own connections of a pipeline: no join, for which a database would sort the whole table.

    Those of so many connections that they are no help are a question.
    """
    connections = only_own(Connection.unscoped.filter(pipeline=pipeline), user)
    keys = list(connections.order_by("pk").values_list("pk", flat=True)[: MOST_KEYS + 1])
    return keys if len(keys) <= MOST_KEYS else connections.order_by().values("pk")
