"""Replaying many dead letters: all that the list's own filter leaves over, never a form full of ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ingestion import actions
from ingestion.actions import Actor, Selection
from ingestion.admin.kit import cells
from ingestion.admin.kit.forms import ReasonForm
from ingestion.admin.kit.paging import bounded_count
from ingestion.admin.kit.payloads import visible
from ingestion.conf import config
from ingestion.core.errors import IngestionError
from ingestion.models import DeadLetter, Run, Tenant
from ingestion.redaction import mask
from ingestion.running.replay_dry_run import LetterOutcome, ReplayReport

if TYPE_CHECKING:
    from ingestion.admin.pages.dead_letters import DeadLetterAdmin

T = TypeVar("T")
MOST = 10_000
_TRIED = 200
"""The most dead letters that a dry run replays while an operator waits for the page."""
_FREE = Q(replay_run__isnull=True) | ~Q(replay_run__state__in=Run.ACTIVE)
"""What `actions.replay` takes too: letters that no replay under way holds. It asks again, under its own transaction."""


class ReplayForm(ReasonForm):
    """How many, up to which letter, and why. `upto` keeps letters out that came after the page was shown."""

    limit = forms.IntegerField(
        label=_("At most"), min_value=1, max_value=MOST, help_text=_("Oldest first. The rest stays open.")
    )
    upto = forms.IntegerField(widget=forms.HiddenInput, max_value=2**63 - 1)
    over_newer = forms.BooleanField(
        label=_("Over newer rows"),
        required=False,
        help_text=_("Also overwrite rows written after their letter, where no version column tells which is newer."),
    )
    field_order = ("limit", "over_newer", "reason", "upto")


def replay_view(page: DeadLetterAdmin, request: HttpRequest) -> HttpResponse:
    """GET shows how many match; POST queues one replay run for each connection among them."""
    if not page.has_replay_permission(request):
        raise PermissionDenied
    back = reverse("admin:ingestion_deadletter_changelist")
    try:
        matching = _matching(page, request)
    except (IncorrectLookupParameters, ValueError):
        return HttpResponseRedirect(f"{back}?e=1")
    count, more = bounded_count(matching)
    newest = matching.order_by().aggregate(newest=Max("pk"))["newest"] or 0
    initial = {"limit": min(max(count, 1), config().REPLAY_LIMIT), "upto": newest}
    trying = "try" in request.POST
    form = ReplayForm(request.POST if request.method == "POST" else None, initial=initial)
    form.fields["reason"].required = form.fields["reason"].required and not trying
    reports: list[ReplayReport] = []
    if trying and form.is_valid():
        reports = _dry_run(request, matching, form.cleaned_data)
    elif request.method == "POST" and form.is_valid():
        runs = _replay(request, matching, form.cleaned_data)
        if runs:
            return HttpResponseRedirect(_page_of(runs))
    context = {
        **page.admin_site.each_context(request),
        "title": gettext("Replay dead letters"),
        "opts": page.opts,
        "count": f"{count:,}+" if more else f"{count:,}",
        "nothing": count == 0,
        "form": form,
        "reports": reports,
        "fates": [_describe_fate(fate) for report in reports for fate in report.letters],
        "tried": min(_TRIED, form.cleaned_data["limit"]) if reports else 0,
        "back": f"{back}?{request.GET.urlencode()}",
    }
    return TemplateResponse(request, "ingestion/replay.html", context)


def _matching(page: DeadLetterAdmin, request: HttpRequest) -> QuerySet[Any]:
    """The user's own open and free letters that the query string selects. Raises as the list itself does."""
    if "ids" in request.GET:
        ids = [int(pk) for pk in request.GET["ids"].split(",")[: page.list_max_show_all] if pk]
        ids = [pk for pk in ids if 0 < pk < 2**63]  # SQLite's driver takes no larger ones
        dead_letters = page.get_queryset(request).filter(pk__in=ids)
    else:
        dead_letters = page.get_changelist_instance(request).queryset
    return dead_letters.filter(_FREE, status__in=DeadLetter.OPEN)


def _replay(request: HttpRequest, matching: QuerySet[Any], values: dict[str, Any]) -> list[Run]:
    """One replay for each tenant, whose rows the action checks anew. Refusals are told; the other tenants go on."""
    chosen = _chosen(matching, values["upto"], values["limit"])
    runs = _of_each_tenant(
        request, chosen, partial(actions.replay, reason=values["reason"], over_newer=values["over_newer"])
    )
    if runs:
        messages.success(request, gettext("Queued: %s.") % ", ".join(f"run {run.pk}" for run in runs))
    elif not chosen:
        messages.warning(request, gettext("Nothing is left to replay."))
    return runs


def _of_each_tenant(request: HttpRequest, chosen: Mapping[int, list[int]], act: Callable[..., Sequence[T]]) -> list[T]:
    """What `act` answers for the letters of each tenant; a refusal is told, and the other tenants go on."""
    answers: list[T] = []
    for tenant in Tenant.objects.granted_to(request.user).filter(pk__in=chosen):
        selection = Selection(tenant, ids=chosen[tenant.pk])
        try:
            answers += act(Actor(request.user), selection, limit=len(selection.ids))  # type: ignore[arg-type]
        except IngestionError as refusal:
            messages.error(request, f"{tenant}: {refusal}")
    return answers


def _chosen(matching: QuerySet[Any], upto: int, limit: int) -> dict[int, list[int]]:
    """The oldest letters, by the tenant that owns them."""
    chosen: dict[int, list[int]] = defaultdict(list)
    oldest = matching.filter(pk__lte=upto).order_by("pk").values_list("tenant_id", "pk")
    for tenant_id, pk in oldest[:limit]:
        chosen[tenant_id].append(pk)
    return chosen


def _dry_run(request: HttpRequest, matching: QuerySet[Any], values: dict[str, Any]) -> list[ReplayReport]:
    """What the replay would do to the first of its letters; only these, because an operator waits for the page."""
    chosen = _chosen(matching, values["upto"], min(values["limit"], _TRIED))
    reports = _of_each_tenant(request, chosen, partial(actions.dry_run_replay, over_newer=values["over_newer"]))
    for report in reports:
        if report.failure:
            connection = report.connection
            parts = {"connection": connection, "failure": visible(mask(report.failure, connection.tenant_id))}
            messages.error(request, gettext("The replay of %(connection)s would fail. %(failure)s") % parts)
    return reports


def _describe_fate(fate: LetterOutcome) -> dict[str, Any]:
    dead_letter = fate.dead_letter
    return {
        "dead_letter": cells.link("deadletter", dead_letter.pk, f"{dead_letter.pk}"),
        "record": visible(dead_letter.source_id or dead_letter.position),
        "would": fate.would,
        "reason": visible(cells.cut(mask(fate.reason, dead_letter.tenant_id), 500)),
    }


def _page_of(runs: Sequence[Run]) -> str:
    if len(runs) == 1:
        return reverse("admin:ingestion_run_change", args=[runs[0].pk])
    return f"{reverse('admin:ingestion_run_changelist')}?kind__exact={Run.Kind.REPLAY}"
