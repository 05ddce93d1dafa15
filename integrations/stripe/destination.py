"""Loads Stripe objects into their tables: no row goes back to an older state, and a deletion keeps the row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.db.models.functions import Coalesce

from ingestion import Context, Figure, Loaded, Periods, Ready, Stored, Upsert, Window
from integrations.stripe.models import StripeObject


@dataclass(frozen=True, slots=True)
class Mirror:
    """Loads into one of the tables, by an `Upsert` for everything but deletions without a newer state."""

    model: type[StripeObject]

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        return self._upsert.stored(ctx, keys)

    def empty(self, ctx: Context) -> bool:
        return self._upsert.empty(ctx)

    def key_of(self, row: Any) -> str:
        return str(row["external_id"])

    @property
    def versioned(self) -> bool:
        return self._upsert.versioned

    def version_of(self, row: Any) -> Any:
        return row["as_of"]

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        deletions = self._bare_deletions(ctx, rows)
        if not deletions:
            return self._upsert.load(ctx, rows)
        for deletion in deletions:
            self._mark_deleted(ctx, deletion)
        loaded = self._upsert.load(ctx, [row for row in rows if row not in deletions])
        return Loaded([*loaded.ready, *deletions], loaded.rejected)

    def _bare_deletions(self, ctx: Context, rows: Sequence[Ready]) -> list[Ready]:
        """Deletions without a newer state of the object: with an id alone, or with a state of the stored one's second.

        Stripe dates events by the second. When an id was deleted, used again and deleted again within one second, the
        state in a deletion may be older than the stored one; the object is deleted in either case.
        """
        seconds = {
            row.row["external_id"]: row.row["as_of"] for row in rows if _is_deletion(row) and "created_at" in row.row
        }
        same_second: set[str] = set()
        if seconds:
            stored = self.model.objects.for_tenant(ctx.tenant).filter(external_id__in=list(seconds))
            states = stored.values_list("external_id", "as_of")
            same_second = {external_id for external_id, as_of in states if seconds[external_id] == as_of}
        return [
            row
            for row in rows
            if "created_at" not in row.row or (_is_deletion(row) and row.row["external_id"] in same_second)
        ]

    def _mark_deleted(self, ctx: Context, deletion: Ready) -> None:
        """Mark the row as deleted unless it is newer; an object without a row gets none.

        The content's digest is written too: with the old one an object that exists again would count as unchanged.
        """
        rows = self.model.objects.for_tenant(ctx.tenant)
        rows.filter(external_id=deletion.row["external_id"], as_of__lte=deletion.row["as_of"]).update(
            deleted_at=Coalesce(F("deleted_at"), deletion.row["deleted_at"]),
            as_of=deletion.row["as_of"],
            digest=deletion.digest,
            run_id=ctx.run_id,
            loaded_at=datetime.now(UTC),
        )

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        return self._upsert.total(ctx, column, keys)

    def figures(self, ctx: Context, periods: Periods, window: Window) -> Mapping[str, Figure]:
        return self._upsert.figures(ctx, periods, window)

    def amounts(
        self, ctx: Context, periods: Periods, window: Window, group: str, keys: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Decimal]]:
        return self._upsert.amounts(ctx, periods, window, group, keys)

    def problems(self) -> list[str]:
        return self._upsert.problems()

    @property
    def _upsert(self) -> Upsert[Any]:
        return Upsert(self.model, key=["external_id"], version="as_of")


def _is_deletion(row: Ready) -> bool:
    return row.row.get("deleted_at") is not None
