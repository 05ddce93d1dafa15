"""What the two row readers, by SQL and by queryset, have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

Cursor = tuple[Any, ...]
"""A row's place in the order of reading: its watermark, if rows are ordered by it, and its key."""


class CursorRow(NamedTuple):
    values: Mapping[str, Any]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class RowSpan:
    """Which rows to read, by their watermark: "all", those in a "window" [low, high), or those with "nulls"."""

    name: str
    low: Any = None
    high: Any = None


class RowReader(Protocol):
    """Reads the rows of one tenant in one open session."""

    def page(self, span: RowSpan, after: Cursor | None, most: int) -> Sequence[CursorRow]:
        """Up to `most` next rows of `span` after the cursor, in the span's order."""
        ...

    def any_null(self, span: RowSpan, columns: Sequence[str]) -> bool:
        """Whether a row of `span` has NULL in one of `columns`."""
        ...

    def has_similar_rows(self, span: RowSpan) -> bool:
        """Whether the database's collation matches rows of `span` whose text is not exactly that of `of`."""
        ...


def order_columns(span: RowSpan, watermark: str, key: Sequence[str]) -> list[str]:
    """The columns by which `span` is ordered; together with the key they give an order without ties."""
    return [watermark, *key] if span.name == "window" and watermark not in key else list(key)


def remaining_span(span: RowSpan, watermark: str, by: Sequence[str], after: Cursor | None) -> RowSpan:
    """`span` without its lower bound where the cursor is a later one.

    With both conditions SQLite would start at the span's bound in the index and walk to the cursor at every page.
    """
    return replace(span, low=None) if after is not None and by[0] == watermark else span
