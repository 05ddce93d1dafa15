"""Closed periods: what a source says of them, against what is stored.

A pipeline whose source is `Reconcilable` and that declares its `periods` is held against its source, day by day, by a
read-only job that is no run. See docs/how-to/reconcile.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from ingestion.core.context import Context
from ingestion.core.declarations import require
from ingestion.core.errors import ConfigurationError
from ingestion.core.windows import Window


@dataclass(frozen=True, slots=True)
class Figure:
    """How many records one group has in a period, and what their amounts sum to."""

    count: int
    """How many records there are."""
    sum: Decimal = Decimal()
    """Of their amounts."""
    ids: Mapping[str, Decimal] | None = None
    """Their keys with the amount of each; None where only the figures are known."""

    def __post_init__(self) -> None:
        count: Any = self.count
        total: Any = self.sum
        ids: Any = self.ids
        good = isinstance(count, int) and not isinstance(count, bool) and count >= 0
        require(good, "count of a Figure", count, "a whole number, 0 or more")
        require(isinstance(total, Decimal) and total.is_finite(), "sum of a Figure", total, "a Decimal")
        expected = "amounts by key, or None where only the figures are known"
        require(ids is None or isinstance(ids, Mapping), "ids of a Figure", type(ids).__name__, expected)

    @classmethod
    def of(cls, ids: Mapping[str, Decimal]) -> Figure:
        return cls(len(ids), sum(ids.values(), Decimal()), ids)


NOTHING = Figure.of({})


@dataclass(frozen=True, slots=True)
class Periods:
    """Which columns of the destination's table a period is counted by."""

    time: str
    """Column with the source's own time that never changes, such as when a charge was created. Index (tenant, time)."""
    amount: str = ""
    """Column that is summed; '' only counts."""
    group: str = ""
    """Column whose values are counted apart, such as the currency; '' where there is none."""
    gone: str = ""
    """Column that is set on rows which the source no longer counts: deleted, void. They are left out."""
    tolerance: Decimal = Decimal()
    """By how much a group's sum may differ, in the amount's own unit, never a share. Counts must always be equal."""

    def __post_init__(self) -> None:
        tolerance: object = self.tolerance
        if not isinstance(tolerance, Decimal) or not tolerance.is_finite() or tolerance < 0:
            raise ConfigurationError(f"tolerance={tolerance!r} is no amount; give a Decimal, 0 or more.")
        for part in (self.time, self.amount, self.group, self.gone):
            require(isinstance(part, str), "A column of Periods", part, 'the name of a field, such as "created_at"')
        if not self.time:
            raise ConfigurationError("Periods needs the column with the source's own time.")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.time, self.amount, self.group, self.gone)))


@runtime_checkable
class Reconcilable(Protocol):
    """A source that can count the records of a closed period."""

    def figures(self, ctx: Context, window: Window) -> Mapping[str, Figure]:
        """The figures of [start, end) by group; a group without records may be absent. '' where nothing is grouped.

        Only reads; outside any run (`ctx.run_id` is 0) and any transaction. Raises Unverifiable when it cannot say.
        """
        ...


@runtime_checkable
class Countable(Protocol):
    """A destination that can count its rows of a closed period. Both methods only read."""

    def figures(self, ctx: Context, periods: Periods, window: Window) -> Mapping[str, Figure]:
        """By group, without ids, of the rows that this connection loaded last. One query."""
        ...

    def amounts(
        self, ctx: Context, periods: Periods, window: Window, group: str, keys: Sequence[str] | None = None
    ) -> Iterator[tuple[str, Decimal]]:
        """Key and amount of those rows of one group; with `keys`, of the rows under them, from any connection."""
        ...
