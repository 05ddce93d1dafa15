"""Rows that may be copies of others, named by their numbers: only the bank can decide, and until then both count."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ingestion import Context, counted
from integrations.bank.arrivals import Arrival, StoredRow, rows_by_key

_SHOWN = 5
_REMEDY = "compare them, and take the copy out as How to load bank statements says under Copies."


def note_possible_copies(ctx: Context, pairs: Iterable[tuple[Arrival, StoredRow]], resemblance: str) -> list[str]:
    """A note for the pairs whose new entry was loaded. `resemblance` says what the two of each pair have in common."""
    pairs = list(pairs)
    rows = rows_by_key(ctx, [arrival.key for arrival, _ in pairs]) if pairs else {}
    loaded = [(rows[arrival.key], row) for arrival, row in pairs if arrival.key in rows]
    if not loaded:
        return []
    examples = "; ".join(
        f"transaction {loaded_row.pk} beside {row.pk} ({row.summary})" for loaded_row, row in loaded[:_SHOWN]
    ) + (f"; and {len(loaded) - _SHOWN} more" if len(loaded) > _SHOWN else "")
    noun = counted(len(loaded), "entry resembles a stored one", "entries resemble stored ones")
    surplus_amount = sum((loaded_row.amount for loaded_row, _ in loaded), Decimal()).normalize()
    stakes = f"Both count. Where they are one, the ledger is {surplus_amount:f} away from the bank's balance"
    return [f"{noun}, with {resemblance}: {examples}. {stakes}: {_REMEDY}"]
