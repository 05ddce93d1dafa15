"""Looks up which objects are stored, so that a full list shows which of them were deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from ingestion import Context
from ingestion.models import Run
from integrations.stripe.kinds import Params
from integrations.stripe.models import StripeObject

_AT_ONCE = 500
"""Ids in one statement."""


@dataclass(frozen=True, slots=True)
class StoredIds:
    """The ids in one table that the run's own connection loaded; another connection may read another account."""

    model: type[StripeObject]
    column: str = "external_id"
    """The column with the ids of a list; in a table of parts the column of the whole's id."""

    def __call__(self, ctx: Context, params: Params, start: int, end: int, live: bool | None) -> Set[str]:
        connection = Run.objects.for_tenant(ctx.tenant).filter(pk=ctx.run_id).values("connection")
        rows = self.model.objects.for_tenant(ctx.tenant).filter(
            deleted_at__isnull=True,
            created_at__gte=datetime.fromtimestamp(start, UTC),
            created_at__lt=datetime.fromtimestamp(end, UTC),
            run__connection__in=connection,
        )
        if live is not None:
            rows = rows.filter(livemode=live)
        if "active" in params:
            rows = rows.filter(Q(active=params["active"] == "true"))
        return set(rows.values_list(self.column, flat=True))


@dataclass(frozen=True, slots=True)
class StoredParts:
    """The ids of the stored parts of some wholes; `column` of their table holds the whole's id."""

    model: type[StripeObject]
    column: str

    def __call__(self, ctx: Context, wholes: Sequence[str]) -> Mapping[str, Set[str]]:
        part_ids: dict[str, set[str]] = defaultdict(set)
        parts = self.model.objects.for_tenant(ctx.tenant).filter(deleted_at__isnull=True)
        for start in range(0, len(wholes), _AT_ONCE):
            chunk = parts.filter(**{f"{self.column}__in": wholes[start : start + _AT_ONCE]})
            for whole_id, part_id in chunk.values_list(self.column, "external_id"):
                part_ids[whole_id].add(part_id)
        return part_ids
