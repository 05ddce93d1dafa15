"""Tenant isolation in the admin, as one mixin.

    @admin.register(Receipt)
    class ReceiptAdmin(TenantScoped, admin.ModelAdmin):
        list_display = ["number", "tenant"]
        list_filter = ["tenant"]

Whoever is no superuser needs the usual model permission AND a grant for the row's tenant. Scoping `get_queryset` alone
is no isolation (measured: choices and filters leaked, a POST planted a row elsewhere); this scopes every way in.
Another tenant's object is answered exactly like one that does not exist. For custom views take `own_object`, for
querysets of your own `only_own`, for inlines `TenantScopedInline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import NestedObjects, unquote
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.core import checks
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, router
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ingestion.admin.kit.filters import scoped_filter
from ingestion.admin.kit.forms import TenantForm
from ingestion.admin.kit.ownership import is_own, only_own, own_rows, tenant_path

if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
    _Inline = admin.TabularInline[Any, Any]
else:
    _Base = _Inline = object

_LOOKUPS = {"", "exact", "isnull", "in", "gte", "lt"}


class OwnRawIdWidget(ForeignKeyRawIdWidget):
    """Names the chosen row only when the user may see it; Django's own names any row whose number is typed in."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def label_and_url_for_value(self, value: Any) -> tuple[str, str]:
        key = self.rel.get_related_field().name
        related: Any = self.rel.model
        try:
            may_see = only_own(related._default_manager.filter(**{key: value}), self.request.user).exists()
        except (ValueError, ValidationError):
            may_see = False
        return super().label_and_url_for_value(value) if may_see else ("", "")


class _Scope(_Base):
    """What ModelAdmin and inlines share."""

    form = TenantForm
    view_on_site = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return own_rows(super().get_queryset(request), request)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.raw_id_fields:
            kwargs.setdefault("widget", OwnRawIdWidget(db_field.remote_field, self.admin_site, request=request))
        return _own_choices(super().formfield_for_foreignkey(db_field, request, **kwargs), request)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return _own_choices(super().formfield_for_manytomany(db_field, request, **kwargs), request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and self._reaches(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._reaches(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._reaches(request, obj)

    def _reaches(self, request: HttpRequest, obj: Any) -> bool:
        # Inlines are asked about their parent, for which its own page answers; a row without a key is being added.
        if obj is None or obj.pk is None or not isinstance(obj, self.model):
            return True
        return is_own(request, obj)


class TenantScoped(_Scope):
    """See the module. Put it before `admin.ModelAdmin`."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row never moves to another tenant: what was loaded for it, and its files, would stay behind."""
        fixed = super().get_readonly_fields(request, obj)
        return fixed if obj is None or tenant_path(self.model) == "pk" else [*fixed, "tenant"]

    def get_list_filter(self, request: HttpRequest) -> Any:
        return [scoped_filter(self.model, item) for item in super().get_list_filter(request)]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Only what `list_filter` declares: Django would let one search any local column, payloads included."""
        for item in self.get_list_filter(request) if request is not None else self.list_filter:
            if isinstance(item, type):
                if lookup == getattr(item, "parameter_name", None):
                    return True
                continue
            path = item[0] if isinstance(item, tuple | list) else str(item)
            if lookup == path or (lookup.startswith(f"{path}__") and _is_plain(lookup.removeprefix(f"{path}__"))):
                return True
        return False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Leaves out numbers of more than 64 bits; SQLite would raise for them while the page is made."""
        parameters = [*request.GET.values(), *request.POST.getlist("_selected_action")]
        if any(_is_too_large(part) for text in parameters for part in str(text).split(",")):
            raise IncorrectLookupParameters
        return super().get_changelist_instance(request)

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        return super().get_changelist_form(request, **{"form": TenantForm, **kwargs})

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuses, without naming them, when rows of another tenant hang on those to be deleted."""
        rows = list(objs)
        collector = NestedObjects(using=router.db_for_write(self.model), origin=rows)
        collector.collect(rows)
        affected = [row for instances in collector.data.values() for row in instances] + list(collector.protected)
        if any(tenant_path(type(row)) and not is_own(request, row) for row in affected):
            return [], {}, set(), [_("Rows that you may not see depend on this.")]
        return super().get_deleted_objects(rows, request)

    def own_object(self, request: HttpRequest, object_id: str) -> Any:
        """The object for a custom view, or None where it is not there or not the user's.

        Raises PermissionDenied for a user who may not view this model at all, whatever the id.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.get_object(request, unquote(object_id))

    def no_such_object(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What every page answers for an object that is not there, and so for another tenant's."""
        return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *_check_owned(self)]


class TenantScopedInline(_Scope, _Inline):  # type: ignore[misc]  # of ModelAdmin and inlines, one of two
    """For inlines: `class LineInline(TenantScopedInline, admin.TabularInline)`. New rows get their parent's tenant."""

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*(super().get_exclude(request, obj) or ()), "tenant"]

    def check(self, *args: Any, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(*args, **kwargs), *_check_owned(self)]


def _own_choices(field: Any, request: HttpRequest) -> Any:
    if field is not None and getattr(field, "queryset", None) is not None:
        field.queryset = only_own(field.queryset, request.user)
    return field


def _is_too_large(text: str) -> bool:
    """Whether it is a whole number of more than 64 bits."""
    try:
        return len(text) > 18 and not -(2**63) <= int(text) < 2**63
    except ValueError:  # also for one of thousands of digits
        return False


def _is_plain(lookup: str) -> bool:
    """Whether `lookup` compares a filter's own field, or the key it points to, and follows no relation."""
    parts = lookup.split("__")
    if parts[0] in ("id", "pk"):
        parts = parts[1:] or [""]
    return len(parts) == 1 and parts[0] in _LOOKUPS


def _check_owned(page: Any) -> list[checks.CheckMessage]:
    problems: list[checks.CheckMessage] = []
    if tenant_path(page.model) is None:
        problems.append(
            checks.Error(
                f"{type(page).__name__} is tenant-scoped, but {page.model.__name__} has no foreign key `tenant`.",
                hint="Subclass ingestion.models.TenantOwned, or take the mixin away.",
                obj=type(page),
                id="ingestion.E101",
            )
        )
    if not issubclass(page.form, TenantForm):
        problems.append(
            checks.Error(
                f"The form of {type(page).__name__} does not check that rows stay within one tenant.",
                hint="Subclass ingestion.admin.TenantForm.",
                obj=type(page),
                id="ingestion.E102",
            )
        )
    return problems
