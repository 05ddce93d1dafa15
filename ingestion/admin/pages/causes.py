"""Open dead letters grouped by cause: twenty rows to read instead of twenty thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from ingestion.admin.kit import cells
from ingestion.admin.kit.paging import COUNT_LIMIT
from ingestion.admin.kit.payloads import visible
from ingestion.dead_letters import causes
from ingestion.models import DeadLetter

if TYPE_CHECKING:
    from ingestion.admin.kit.console import ConsoleAdmin

_SHOWN = 100


def causes_view(page: ConsoleAdmin, request: HttpRequest) -> HttpResponse:
    if not page.has_view_permission(request):
        raise PermissionDenied
    groups, bounded = _groups(page.get_queryset(request).filter(status__in=DeadLetter.OPEN))
    context = {
        **page.admin_site.each_context(request),
        "title": _("Dead letters by cause"),
        "opts": page.opts,
        "groups": groups,
        "looked_at": COUNT_LIMIT if bounded else None,
    }
    return TemplateResponse(request, "ingestion/causes.html", context)


def _groups(rows: Any) -> tuple[list[dict[str, Any]], bool]:
    """The largest causes among the newest letters, and whether older letters were left out."""
    floor = rows.order_by("-pk").values_list("pk", flat=True)[COUNT_LIMIT : COUNT_LIMIT + 1].first()
    if floor is not None:
        rows = rows.filter(pk__gt=floor)
    grouped = rows.order_by().values("fingerprint", "pipeline", "stage", "error_class").annotate(
        count=Count("pk"), tenants=Count("tenant", distinct=True), first=Min("first_seen"), last=Max("last_seen"),
        sample=Max("pk"),
    )  # fmt: skip
    groups = list(grouped.order_by("-count", "-last")[:_SHOWN])
    samples = rows.in_bulk([group["sample"] for group in groups])
    for group in groups:
        errors = samples[group["sample"]].errors if group["sample"] in samples else []
        group["why"] = visible(causes.cause(errors, 120) or cells.EMPTY)
        group["first"], group["last"] = cells.moment(group["first"]), cells.moment(group["last"])
    return groups, floor is not None
