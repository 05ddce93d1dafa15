"""Rows that may be copies of others, named by their numbers: only the bank can tell, and both count until then."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, Row, by_key

_SHOWN = 5
_REMEDY = "compare them, and take the copy out as How to load bank statements says under Copies."


def told(ctx: Context, pairs: Iterable[tuple[Arrival, Row]], alike_in: str) -> list[str]:
    """A sentence for the pairs whose new entry was loaded; `alike_in` says what the two of each have in common."""
    pairs = list(pairs)
    rows = by_key(ctx, [arrival.key for arrival, _ in pairs]) if pairs else {}
    loaded = [(rows[arrival.key], row) for arrival, row in pairs if arrival.key in rows]
    if not loaded:
        return []
    shown = "; ".join(f"transaction {own.pk} beside {row.pk} ({row.shown})" for own, row in loaded[:_SHOWN]) + (
        f"; and {len(loaded) - _SHOWN} more" if len(loaded) > _SHOWN else ""
    )
    noun = counted(len(loaded), "entry resembles a stored one", "entries resemble stored ones")
    surplus = sum((own.amount for own, _ in loaded), Decimal()).normalize()
    stakes = f"Both count. Where they are one, the ledger is {surplus:f} away from the bank's balance"
    return [f"{noun}, with {alike_in}: {shown}. {stakes}: {_REMEDY}"]
