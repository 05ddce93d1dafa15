"""Where rows go. The engine opens a transaction, advances the run inside it, then asks the destination to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from ingestion.core.context import Context
from ingestion.core.records import Ready, Rejected

Row = TypeVar("Row", contravariant=True)


class Stored(NamedTuple):
    """What is known of a row already loaded: digest of the content it was made of, and the source's version."""

    digest: bytes
    """Of the content that the row was made of."""
    version: Any = None
    """The source's own time or number of it; None without one."""


class Written(NamedTuple):
    """When a row was last written, and by which run."""

    at: datetime
    """When it was written."""
    run_id: int
    """By which run."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the rows of one batch: those written, as they were given, and those refused."""

    ready: Sequence[Ready]
    """Those that were written, as `load` was given them."""
    rejected: Sequence[Rejected] = ()
    """Those that the destination refused; they become dead letters."""
    notes: Sequence[str] = ()
    """Sentences for the run's timeline: what loading these rows meant for rows that were stored already."""


class AlreadyStored(Exception):
    """A row that was taken for new is stored already; nothing of the batch may be committed."""


class RowRefused(Exception):
    """The database refused a row, and with it the transaction that is open; nothing of the batch may be committed."""


@runtime_checkable
class Inserts(Protocol):
    """A destination that can write rows which are all taken for new, and tell when one is not."""

    def insert(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        """As `load`, for a tenant that had no rows before the run. Raises AlreadyStored when one has a row by now.

        Called in the place of `load` on first loads: who changes one of them changes the other.
        """
        ...


@runtime_checkable
class Dated(Protocol):
    """A destination that can say when its rows were written: a replay then leaves what came after its letter."""

    def written(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Written]:
        """Of the rows under `keys` for the run's tenant, when and by which run each was written last."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A destination that says whether its rows have versions; one without the property has none.

    Where it is true, `version_of` and `stored` give them, and an older record never overwrites a newer one.
    """

    @property
    def versioned(self) -> bool: ...


def versions(destination: Destination[Any]) -> bool:
    """Whether the destination's rows have versions."""
    return isinstance(destination, Versioned) and destination.versioned


@runtime_checkable
class Recognizes(Protocol):
    """A destination that can tell that what a rejected record is about is stored, from a version that was fine."""

    def recognized(self, ctx: Context, rejected: Sequence[Rejected]) -> Sequence[tuple[Rejected, str]]:
        """Those of which that is shown, each with where it is stored, in words. Their letters are closed with it.

        Asked inside the batch's transaction, after its rows were loaded.
        """
        ...


class Destination(Protocol[Row]):
    """`load` writes, always inside the engine's transaction; all else only reads. `Row` is what transforms make."""

    def stored(self, ctx: Context, keys: Sequence[str]) -> Mapping[str, Stored]:
        """What is loaded under `keys` for the run's tenant; keys not loaded are absent.

        Only reads, with as few queries as the keys fit into: `Upsert` asks for 2,000 at once, for 990 on SQLite.
        """
        ...

    def empty(self, ctx: Context) -> bool:
        """True when the run's tenant has no rows yet, so that nothing needs to be looked up."""
        ...

    def key_of(self, row: Row) -> str:
        """The row's natural key without the tenant, as text."""
        ...

    def version_of(self, row: Row) -> Any:
        """The source's own version or time of `row`, None when the destination has no such column."""
        ...

    def load(self, ctx: Context, rows: Sequence[Ready]) -> Loaded:
        """Write rows with distinct keys. Rows the database refuses for their own fault come back rejected."""
        ...

    def total(self, ctx: Context, column: str, keys: Sequence[str]) -> Decimal:
        """The sum of `column` over the rows stored under `keys`, for reconciliation."""
        ...

    def problems(self) -> list[str]:
        """What is wrong with the declaration, in sentences, for the system checks."""
        ...
