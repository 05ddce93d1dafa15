"""The entries in doubt, as a run names them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

_SHOWN = 5


class Doubted(Protocol):
    """An arriving entry or a stored row."""

    @property
    def shown(self) -> str: ...
    @property
    def amount(self) -> Decimal: ...


def at_stake(entries: Sequence[Doubted]) -> str:
    """The entries in doubt, and what they make of the ledger's difference."""
    more = f"; and {len(entries) - _SHOWN} more" if len(entries) > _SHOWN else ""
    change = sum((each.amount for each in entries), Decimal()).normalize()
    shown = "; ".join(each.shown for each in entries[:_SHOWN])
    return f"In doubt: {shown}{more}; together {change:f}, by which the ledger may differ from the bank's balance."
