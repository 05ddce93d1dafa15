"""The tables of Stripe objects: an upsert that never goes back, and deletions that keep the row."""

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
    """Loads into one of the tables. Everything but deletions of which only the id is known is its `Upsert`'s."""

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
        ends = self._only_ends(ctx, rows)
        if not ends:
            return self._upsert.load(ctx, rows)
        for end in ends:
            self._bury(ctx, end)
        loaded = self._upsert.load(ctx, [row for row in rows if row not in ends])
        return Loaded([*loaded.ready, *ends], loaded.rejected)

    def _only_ends(self, ctx: Context, rows: Sequence[Ready]) -> list[Ready]:
        """Deletions of which only the end is news: nothing but an id came along, or a state of the stored one's second.

        Stripe dates events by the second. Of an id that was deleted, used again and deleted again within one, the state
        that a deletion carries may be older than the stored one; that it is gone holds either way.
        """
        whole = {row.row["external_id"]: row.row["as_of"] for row in rows if _is_end(row) and "created_at" in row.row}
        if whole:
            stored = self.model.objects.for_tenant(ctx.tenant).filter(external_id__in=list(whole))
            whole = {key: second for key, second in stored.values_list("external_id", "as_of") if whole[key] == second}
        return [
            row for row in rows if "created_at" not in row.row or (_is_end(row) and row.row["external_id"] in whole)
        ]

    def _bury(self, ctx: Context, one: Ready) -> None:
        """Mark the row as deleted unless it is newer; where there is none, there is nothing to keep.

        The content's digest is written with it, or the object, should it be there again, would count as unchanged.
        """
        rows = self.model.objects.for_tenant(ctx.tenant)
        rows.filter(external_id=one.row["external_id"], as_of__lte=one.row["as_of"]).update(
            deleted_at=Coalesce(F("deleted_at"), one.row["deleted_at"]),
            as_of=one.row["as_of"],
            digest=one.digest,
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


def _is_end(row: Ready) -> bool:
    return row.row.get("deleted_at") is not None
