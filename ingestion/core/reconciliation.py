"""What a run proves before its watermark moves: control totals the source declares against what was stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ingestion.core.records import Counts


class Reconciliation(Protocol):
    @property
    def name(self) -> str:
        """The control total's name in `Page.declares`."""
        ...

    def measure(self, counts: Counts, total: Callable[[str], Decimal]) -> Decimal | None:
        """Our own figure for one page; None when it cannot be known (some of its records were rejected)."""
        ...


@dataclass(frozen=True, slots=True)
class CountsAgree:
    """As many records arrived as the source says there are."""

    @property
    def name(self) -> str:
        return "count"

    def measure(self, counts: Counts, total: Callable[[str], Decimal]) -> Decimal | None:
        return Decimal(counts.read)


@dataclass(frozen=True, slots=True)
class SumAgrees:
    """The stored rows' `column` adds up to what the source says; unverifiable where records were rejected."""

    column: str

    @property
    def name(self) -> str:
        return self.column

    def measure(self, counts: Counts, total: Callable[[str], Decimal]) -> Decimal | None:
        return None if counts.dead else total(self.column)
