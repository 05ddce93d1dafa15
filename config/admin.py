"""What the console shows of signing in, to superusers alone: the trail, and the devices of a second factor."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import URLPattern

from config.models import SignIn
from ingestion.admin import BoundedPaginator, ReadOnly
from ingestion.admin.kit import cells

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


class SuperusersAlone:
    """Superusers only, whatever permissions a user has: the rows belong to no tenant. Must be the first base."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._rules(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._rules(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._rules(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._rules(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._rules(request)

    def get_urls(self) -> list[URLPattern]:
        """Each page of a row that is not there is answered like one of a row that is; a superuser reads so."""
        patterns: list[URLPattern] = super().get_urls()  # type: ignore[misc]  # of ModelAdmin, the next of the bases
        for pattern in patterns:
            pattern.callback = self._answered(pattern.callback)
        return patterns

    def _answered(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except ObjectDoesNotExist as error:  # of a device's QR code: the library looks before it asks who wants it
                raise (Http404 if self._rules(request) else PermissionDenied) from error

        return answered

    def _rules(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)


@admin.register(SignIn)
class SignInAdmin(ReadOnly, SuperusersAlone, _ModelAdmin):
    """To look at: nothing is added, changed or deleted here."""

    list_display = ["when", "kind", "who", "address"]
    list_filter = ["kind"]
    search_fields = ["account__istartswith", "address__istartswith"]
    search_help_text = "The beginning of an account's name or of an address"
    sortable_by = ()
    fields = ["when_exactly", "kind", "who", "address"]
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    actions: Any = None

    @admin.display(description="when")
    def when(self, entry: SignIn) -> str:
        return cells.moment(entry.at)

    @admin.display(description="when")
    def when_exactly(self, entry: SignIn) -> str:
        return cells.exactly(entry.at)

    @admin.display(description="account")
    def who(self, entry: SignIn) -> str:
        return entry.account or "(no account of that name)"


for _app in ("otp_totp", "otp_static"):
    for _model in apps.get_app_config(_app).get_models() if apps.is_installed(f"django_otp.plugins.{_app}") else ():
        if _page := admin.site._registry.get(_model):
            admin.site.unregister(_model)
            admin.site.register(_model, type(_page.__class__.__name__, (SuperusersAlone, _page.__class__), {}))
