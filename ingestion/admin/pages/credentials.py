"""Credentials: what is known of them, and storing new ones. No page shows a value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from ingestion import actions
from ingestion.actions import Actor
from ingestion.admin.kit import cells, commands
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.admin.pages.credential_forms import ExpiryForm, NewCredentialForm, ReplaceForm
from ingestion.admin.pages.credential_keys import keys_view
from ingestion.conf import config
from ingestion.core.errors import IngestionError
from ingestion.models import Credential, CredentialVersion

_SET = "ingestion.set_credential"
_guarded = method_decorator(sensitive_post_parameters())


def _replace(actor: Actor, credential: Credential, values: Mapping[str, Any]) -> Done:
    again = actions.set_credential(
        actor, credential.tenant, credential.integration, values["values"],
        keep=values["keep"], expires_at=values["expires_at"], reason=values["reason"],
    )  # fmt: skip
    return Done(_("Version %s is stored. Running workers take it at their next batch.") % again.version)


def _expire(actor: Actor, credential: Credential, values: Mapping[str, Any]) -> Done:
    actions.expire_credential(actor, credential, values["expires_at"], values["reason"])
    return Done(_("The date is noted."))


def _remove(actor: Actor, credential: Credential, values: Mapping[str, Any]) -> Done:
    actions.delete_credential(actor, credential, values["reason"])
    return Done(_("The credential is deleted."))


VERBS = [
    Verb("replace", _("Replace"), _SET, _replace, ReplaceForm,
         explain=_("Stores new values, of all or of some. What they replace is gone then, also for runs under way."),
         command=lambda c: commands.for_credential("set", c, "--stdin")),
    Verb("expire", _("Set expiry date"), _SET, _expire, ExpiryForm,
         explain=_("Notes when the source will refuse it, so that somebody is warned. Leave it empty for never."),
         command=lambda c: commands.for_credential("expire", c, "--at", "2026-12-31T00:00Z")),
    Verb("remove", _("Delete"), _SET, _remove, ReasonForm,
         explain=_("Deletes the values beyond recovery. Runs that need them fail, and their connections pause."),
         command=lambda c: commands.for_credential("delete", c, "--reason", "…")),
]  # fmt: skip


class ExpiryFilter(admin.SimpleListFilter):
    title = _("expiry")
    parameter_name = "expiry"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("expired", _("Expired")), ("soon", _("Soon"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        match self.value():
            case "expired":
                return queryset.filter(expires_at__lte=now)
            case "soon":
                return queryset.filter(expires_at__gt=now, expires_at__lte=now + warned_before())
        return queryset


def warned_before() -> timedelta:
    return timedelta(days=config().EXPIRY_WARNING_DAYS)


@admin.register(Credential)
class CredentialAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["integration", "tenant", "ends_with", "version", "age", "expiry"]
    list_filter = ["tenant", ExpiryFilter]
    ordering = ["tenant__key", "integration"]
    sortable_by = ()
    change_list_template = "ingestion/credential_list.html"
    change_form_template = "ingestion/with_verbs.html"
    fields = ["tenant", "integration", "ends_with", "version", "changed", "changed_by", "expiry", "history"]
    readonly_fields = ["tenant", "integration", "ends_with", "version", "changed", "changed_by", "expiry", "history"]
    verbs = VERBS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("ciphertext")

    @admin.display(description=_("ends with"))
    def ends_with(self, credential: Credential) -> str:
        endings = credential.last_four if isinstance(credential.last_four, dict) else {}
        return ", ".join(f"{name} …{last}" if last else str(name) for name, last in endings.items()) or cells.EMPTY

    @admin.display(description=_("stored"))
    def age(self, credential: Credential) -> str:
        return cells.moment(credential.rotated_at)

    @admin.display(description=_("expires"))
    def expiry(self, credential: Credential) -> str:
        at = credential.expires_at
        if at is None:
            return cells.EMPTY
        if at <= timezone.now():
            return cells.badge("failed", _("expired %s") % f"{timezone.localtime(at):%Y-%m-%d %H:%M}")
        if at <= timezone.now() + warned_before():
            return cells.badge("late", _("expires %s") % f"{timezone.localtime(at):%Y-%m-%d %H:%M}")
        return cells.moment(at)

    @admin.display(description=_("stored"))
    def changed(self, credential: Credential) -> str:
        return cells.exactly(credential.rotated_at)

    @admin.display(description=_("stored by"))
    def changed_by(self, credential: Credential) -> str:
        return str(credential.updated_by or gettext("the command line, or an exchange with the source"))

    @admin.display(description=_("versions"))
    def history(self, credential: Credential) -> str:
        versions = CredentialVersion.objects.for_tenant(credential.tenant_id).filter(integration=credential.integration)
        return (
            ", ".join(f"{version.version} ({version.cause})" for version in versions.order_by("-version")[:20])
            or cells.EMPTY
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm(_SET)) and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        keys = self.admin_site.admin_view(self.keys)
        return [path("keys/", keys, name="ingestion_credential_keys"), *super().get_urls()]

    def keys(self, request: HttpRequest) -> HttpResponse:
        return keys_view(self, request)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """To look at only. Django would take `_saveasnew` in a POST for a wish to add a row, past our own form."""
        if request.method == "POST":
            raise PermissionDenied
        return super().changeform_view(request, *args, **kwargs)

    @_guarded
    def verb_view(self, request: HttpRequest, object_id: str, verb: Verb) -> HttpResponse:
        return super().verb_view(request, object_id, verb)

    @_guarded
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Not Django's own, whose transaction would be open while another secret store is asked."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        sent = (request.POST,) if request.method == "POST" else ()
        form = NewCredentialForm(*sent, user=request.user, initial={"tenant": request.GET.get("tenant", "")})
        if request.method == "POST" and form.is_valid():
            credential = self._store(request, form)
            if credential is not None:
                messages.success(request, gettext("The credential is stored."))
                return HttpResponseRedirect(reverse("admin:ingestion_credential_change", args=[credential.pk]))
        context = {
            **self.admin_site.each_context(request), "title": gettext("Store a credential"), "opts": self.opts,
            "form": form,
        }  # fmt: skip
        return TemplateResponse(request, "ingestion/credential_add.html", context)

    @sensitive_variables()
    def _store(self, request: HttpRequest, form: forms.Form) -> Credential | None:
        values = form.cleaned_data
        try:
            return actions.set_credential(
                Actor(request.user), values["tenant"], values["integration"], values["values"],  # type: ignore[arg-type]
                expires_at=values["expires_at"], reason=values["reason"],
            )  # fmt: skip
        except IngestionError as refusal:
            form.add_error(None, str(refusal))
            return None

    def _page_of(self, obj: Any) -> str:
        """The list, once the credential is gone."""
        if isinstance(obj, Credential) and not Credential.unscoped.filter(pk=obj.pk).exists():
            return reverse("admin:ingestion_credential_changelist")
        return super()._page_of(obj)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"verbs": self.offered(request, obj)}
