"""The entries in doubt, as the note of a run lists them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

_SHOWN = 5


class DoubtfulEntry(Protocol):
    """An arriving entry or a stored row."""

    @property
    def summary(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...


def describe_stakes(entries: Sequence[DoubtfulEntry]) -> str:
    """The entries in doubt, and by how much they change the ledger's difference."""
    more = f"; and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    change = sum((entry.amount for entry in entries), Decimal()).normalize()
    examples = "; ".join(entry.summary for entry in entries[:_SHOWN])
    return f"In doubt: {examples}{more}; together {change:f}, by which the ledger may differ from the bank's balance."
