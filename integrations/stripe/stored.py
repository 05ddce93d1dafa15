"""Which objects are stored: what a full list is held against to find out what was deleted."""

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
"""Ids that one statement asks for."""


@dataclass(frozen=True, slots=True)
class StoredIds:
    """The ids in one table that a run's own connection loaded: another one may read another account."""

    model: type[StripeObject]
    column: str = "external_id"
    """Where a list's ids stand: in a table of parts the whole's."""

    def __call__(self, ctx: Context, of: Params, start: int, end: int, live: bool | None) -> Set[str]:
        own = Run.objects.for_tenant(ctx.tenant).filter(pk=ctx.run_id).values("connection")
        rows = self.model.objects.for_tenant(ctx.tenant).filter(
            deleted_at__isnull=True,
            created_at__gte=datetime.fromtimestamp(start, UTC),
            created_at__lt=datetime.fromtimestamp(end, UTC),
            run__connection__in=own,
        )
        if live is not None:
            rows = rows.filter(livemode=live)
        if "active" in of:
            rows = rows.filter(Q(active=of["active"] == "true"))
        return set(rows.values_list(self.column, flat=True))


@dataclass(frozen=True, slots=True)
class StoredParts:
    """The ids of the parts of some objects; `column` of their table names the object."""

    model: type[StripeObject]
    column: str

    def __call__(self, ctx: Context, wholes: Sequence[str]) -> Mapping[str, Set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        alive = self.model.objects.for_tenant(ctx.tenant).filter(deleted_at__isnull=True)
        for start in range(0, len(wholes), _AT_ONCE):
            some = alive.filter(**{f"{self.column}__in": wholes[start : start + _AT_ONCE]})
            for whole, part in some.values_list(self.column, "external_id"):
                found[whole].add(part)
        return found
