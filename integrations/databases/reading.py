"""What the two ways to read rows, SQL and querysets, have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def order(span: Span, watermark: str, key: Sequence[str]) -> list[str]:
    """The columns by which `span` is read; with the key they make an order without ties."""
    return [watermark, *key] if span.name == "window" and watermark not in key else list(key)


def alike(one: Cursor, other: Cursor) -> bool:
    """Whether two cursors that differ may be equal to a database: in case, accents or white space at their end."""
    return one != other and tuple(map(_folded, one)) == tuple(map(_folded, other))


def _folded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = unicodedata.normalize("NFKD", value.casefold()).rstrip()
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
