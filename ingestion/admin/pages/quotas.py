"""What tenants used in a month, and what operators allowed beyond the tier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ingestion import actions, limits
from ingestion.actions import Actor
from ingestion.admin.kit import cells
from ingestion.admin.kit.console import ConsoleAdmin
from ingestion.admin.kit.verbs import Done, OffersVerbs, Verb
from ingestion.admin.pages.quota_forms import NewOverrideForm, OverrideForm
from ingestion.models import QuotaOverride, Usage

_OVERRIDE = "ingestion.override_quota"


def _override(actor: Actor, usage: Usage, values: Mapping[str, Any]) -> Done:
    quota_override = actions.override_quota(
        actor, usage.tenant, usage.meter, values["limit"], values["until"], values["reason"]
    )
    return Done(
        _("%(limit)s of %(meter)s are allowed.") % {"limit": quota_override.limit, "meter": quota_override.meter},
        show=quota_override,
    )


def _end(actor: Actor, override: QuotaOverride, values: Mapping[str, Any]) -> Done:
    actions.end_override(actor, override, values["reason"])
    return Done(_("The tier's quota holds again."))


def _command(usage: Usage) -> str:
    return (
        f"manage.py ingest quota override --tenant {usage.tenant.key} --meter {usage.meter} "
        "--limit N --until 7d --reason …"
    )


@admin.register(Usage)
class UsageAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["meter", "month", "tenant", "used", "quota", "share"]
    list_filter = ["tenant"]
    sortable_by = ()
    fields = ["tenant", "meter", "month", "used", "quota", "share"]
    readonly_fields = ["month", "quota", "share"]
    change_form_template = "ingestion/with_verbs.html"
    verbs = [
        Verb("override", _("Override quota"), _OVERRIDE, _override, OverrideForm,
             explain=_("The tenant may use so much a month instead of what its tier says, until then."),
             command=_command),
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        newest = QuotaOverride.unscoped.filter(
            tenant_id=OuterRef("tenant_id"), meter=OuterRef("meter"), expires_at__gt=timezone.now()
        ).order_by("-pk")
        return super().get_queryset(request).annotate(overridden=Subquery(newest.values("limit")[:1]))  # type: ignore[no-any-return]

    @admin.display(description=_("month"))
    def month(self, usage: Usage) -> str:
        return f"{usage.period:%Y-%m}"

    @admin.display(description=_("quota now"))
    def quota(self, usage: Any) -> str:
        limit = _limit(usage)
        return cells.EMPTY if limit is None else str(limit)

    @admin.display(description=_("share"))
    def share(self, usage: Any) -> str:
        limit = _limit(usage)
        if not limit:
            return cells.EMPTY
        percent = 100 * usage.used // limit
        return cells.badge("failed" if percent >= 100 else "late", f"{percent} %") if percent >= 80 else f"{percent} %"

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"verbs": self.offered(request, obj)}


def _limit(usage: Any) -> int | None:
    return usage.overridden if usage.overridden is not None else limits.quota_of(usage.meter, usage.tenant.tier)


@admin.register(QuotaOverride)
class QuotaOverrideAdmin(OffersVerbs, ConsoleAdmin):
    list_display = ["meter", "limit", "tenant", "until", "reason", "actor_name"]
    list_filter = ["tenant"]
    sortable_by = ()
    fields = ["tenant", "meter", "limit", "until", "reason", "actor_name", "created"]
    readonly_fields = ["until", "created"]
    change_form_template = "ingestion/with_verbs.html"
    verbs = [
        Verb("end", _("End now"), _OVERRIDE, _end, applies=lambda override: override.expires_at > timezone.now(),
             explain=_("The tier's quota holds again. What was used stays used."),
             command=lambda override: f"manage.py ingest quota end {override.pk}"),
    ]  # fmt: skip

    @admin.display(description=_("expires"))
    def until(self, override: QuotaOverride) -> str:
        return cells.moment(override.expires_at)

    @admin.display(description=_("created"))
    def created(self, override: QuotaOverride) -> str:
        return cells.moment(override.created_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return bool(user.has_perm(_OVERRIDE)) and self.has_view_permission(request)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else ["tenant", "meter", "limit", "expires_at", "reason"]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if obj else {"form": NewOverrideForm}), **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        actor = Actor(request.user)  # type: ignore[arg-type]
        quota_override = actions.override_quota(actor, obj.tenant, obj.meter, obj.limit, obj.expires_at, obj.reason)
        obj.pk = quota_override.pk

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {"verbs": self.offered(request, obj)}
