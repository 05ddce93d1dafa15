"""What the two ways to read rows, SQL and querysets, have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

Cursor = tuple[Any, ...]
"""Where a row stands in the order of reading: its watermark, if that orders them, and its key."""


class Row(NamedTuple):
    values: Mapping[str, Any]
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows, by their watermark: "all" of them, those in a "window" [low, high), or those with "nulls"."""

    name: str
    low: Any = None
    high: Any = None


class Reading(Protocol):
    """Rows of one tenant in one open session."""

    def page(self, span: Span, after: Cursor | None, most: int) -> Sequence[Row]:
        """The next rows of `span` after the cursor, in its order."""
        ...

    def any_null(self, span: Span, columns: Sequence[str]) -> bool:
        """Whether a row of `span` has NULL in one of `columns`."""
        ...

    def has_strangers(self, span: Span) -> bool:
        """Whether the database takes rows of `span` for the tenant's although the text asked for is another."""
        ...


def order(span: Span, watermark: str, key: Sequence[str]) -> list[str]:
    """The columns by which `span` is read; with the key they make an order without ties."""
    return [watermark, *key] if span.name == "window" and watermark not in key else list(key)


def rest(span: Span, watermark: str, by: Sequence[str], after: Cursor | None) -> Span:
    """`span` without its beginning where the cursor is one: of two, SQLite would look for the other in the index, and
    walk from there to the cursor at every page.
    """
    return replace(span, low=None) if after is not None and by[0] == watermark else span
