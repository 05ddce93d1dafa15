"""What a run proves before its watermark moves: control totals the source declares against what was stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ingestion.core.declarations import require
from ingestion.core.records import Counts


class Reconciliation(Protocol):
    @property
    def name(self) -> str:
        """The control total's name in `Page.declares`."""
        ...

    def measure(self, counts: Counts, total: Callable[[str], Decimal] | None) -> Decimal | None:
        """Our own figure for one page; None when it cannot be known.

        `total` sums a stored column over the page's records; None when not every one of them is stored as it arrived
        (rejected, skipped by a rule, older than what is stored).
        """
        ...


@dataclass(frozen=True, slots=True)
class CountsAgree:
    """As many records arrived as the source says there are."""

    @property
    def name(self) -> str:
        return "count"

    def measure(self, counts: Counts, total: Callable[[str], Decimal] | None) -> Decimal | None:
        return Decimal(counts.read)


@dataclass(frozen=True, slots=True)
class SumAgrees:
    """The stored rows' `column` adds up to what the source says; unverifiable where some records are not stored."""

    column: str
    """A field of the rows, and the name of the total in `Page.declares`."""

    def __post_init__(self) -> None:
        column: object = self.column
        good = isinstance(column, str) and column != ""
        require(good, "The column of SumAgrees", column, 'the name of a field, such as SumAgrees("amount")')

    @property
    def name(self) -> str:
        return self.column

    def measure(self, counts: Counts, total: Callable[[str], Decimal] | None) -> Decimal | None:
        return None if total is None else total(self.column)
