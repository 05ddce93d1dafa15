"""Tenants and who of the staff may see them. Changed by superusers only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion import actions
from ingestion.actions import Actor
from ingestion.admin.kit import cells
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.models import Tenant, TenantGrant

if TYPE_CHECKING:
    _Inline = admin.TabularInline[Any, Any]
else:
    _Inline = admin.TabularInline


class GrantInline(_Inline):
    """Who may see this tenant. Superusers see every tenant without a grant."""

    model = TenantGrant
    extra = 1

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget  # accounts are made and changed on their own pages
        return field

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _rules(request)

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission


@admin.register(Tenant)
class TenantAdmin(ConsoleAdmin):
    list_display = ["name", "key", "tier", "connections", "created"]
    sortable_by = ()
    list_filter = ["tier"]
    list_prefetch = ()
    search_fields = ["key__istartswith", "name__istartswith"]
    search_help_text = _("The beginning of key or name")
    fields = ["name", "key", "tier", "time_zone"]
    inlines = [GrantInline]

    @admin.display(description=_("connections"))
    def connections(self, tenant: Tenant) -> str:
        page = reverse("admin:ingestion_connection_changelist")
        return format_html('<a href="{}?tenant__id__exact={}">{}</a>', page, tenant.pk, gettext("Show"))

    @admin.display(description=_("created"))
    def created(self, tenant: Tenant) -> str:
        return cells.moment(tenant.created_at)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The key names stored files and lines of logs: it never changes."""
        return ["key"] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _rules(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _rules(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.pk = actions.add_tenant(_actor(request), obj.key, obj.name, obj.tier, obj.time_zone).pk
            obj._state.adding = False
            return
        if "time_zone" in form.changed_data:
            actions.set_time_zone(_actor(request), obj, obj.time_zone)
        if changed := {name: str(form.cleaned_data[name]) for name in form.changed_data if name != "time_zone"}:
            super().save_model(request, obj, form, change)
            _actor(request).audit(obj, "change tenant", obj, **changed)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Grants are given and taken, never changed: another account in a row is one taken and one given."""
        formset.save(commit=False)
        granted_users = [grant.user for grant in formset.new_objects]
        revoked_grants = list(formset.deleted_objects)
        for grant, _names in formset.changed_objects:
            granted_users.append(grant.user)
            revoked_grants.append(TenantGrant.objects.get(pk=grant.pk))
        for grant in revoked_grants:
            grant.delete()
            _actor(request).audit(form.instance, "revoke grant", grant.user)
        for user in granted_users:
            actions.grant(_actor(request), form.instance, user)


def _rules(request: HttpRequest) -> bool:
    user: Any = request.user
    return bool(user.is_active and user.is_superuser)


def _actor(request: HttpRequest) -> Actor:
    return Actor(request.user)  # type: ignore[arg-type]
