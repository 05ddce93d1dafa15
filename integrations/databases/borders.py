"""Checks that a page continues exactly where the page before it ended, and that the reading comes to an end.

A database may order rows otherwise than it compares them. So the next row after a page is read by a second statement,
and must be the same as in the page's own order.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestion import SourceChanged, Transient
from integrations.databases.reading import Cursor, CursorRow, RowReader, RowSpan
from integrations.databases.unreadable import first_without_text

_TRIES = 5
"""Attempts to read a page's end, which another writer may change between two statements."""


def read_verified(
    rows: RowReader, span: RowSpan, after: Cursor | None, size: int, key: Sequence[str], by: Sequence[str]
) -> Sequence[CursorRow]:
    """The next `size` rows of `span` and the row after them, which is verified to be the first of the next page.

    `by` names the values of a cursor. Raises SourceChanged where the next page would start with another row or none
    (the database orders by something else than it compares), and where a value of a cursor is missing or is not UTF-8,
    because no statement can compare with it.
    """
    mismatch: tuple[Cursor, Cursor] | None = None
    for _ in range(_TRIES):
        page = rows.page(span, after, size + 1)
        _require_keys(page, key, by)
        if len(page) <= size:
            return page
        last, next_in_order = page[size - 1].cursor, page[size].cursor
        following = rows.page(span, last, 1)
        if following and _equal(following[0].cursor, next_in_order):
            return page
        if mismatch and _equal(mismatch[0], last) and _equal(mismatch[1], next_in_order):
            next_compared = f"{following[0].cursor!r}" if following else "nothing"
            raise SourceChanged(
                f"In the database's order {next_in_order!r} comes after {last!r}, but asked for what is greater it "
                f"gives {next_compared}. It takes some {', '.join(key)} for the same, so rows could be left out or "
                "come for ever. Name a key that it tells apart, or cast it in sql=: text to binary, other types to "
                "text."
            )
        mismatch = (last, next_in_order)  # another writer may have changed it between the two statements: read again
    raise Transient("The rows behind a page changed whenever it was read; it is read again later.")


@dataclass(slots=True)
class CycleDetector:
    """Detects that the reading goes in a circle of any length (Brent's algorithm).

    It remembers the last cursor, and a mark that moves on after 1, 2, 4, 8, … pages.
    """

    last: Cursor | None
    mark: Cursor | None = None
    pages: int = 0
    next_mark: int = 1
    key: Sequence[str] = field(default=())

    def advance(self, page: Sequence[CursorRow]) -> None:
        """Move on to the end of `page`. Raises SourceChanged where one of its rows was passed before."""
        cursors = [row.cursor for row in page]
        repeated = [cursor for cursor in (self.last, self.mark) if cursor in cursors]
        if repeated or _equal(cursors[-1], self.last):
            raise SourceChanged(
                f"The database gives {(repeated or cursors)[-1]!r} again after it was passed, and would do so for "
                f"ever: what arrives of {', '.join(self.key)} or the watermark is not what it compares. Cast it in "
                "sql= to a type that arrives as it is stored: floats to double, other types to text."
            )
        self.last = cursors[-1]
        self.pages += 1
        if self.pages == self.next_mark:
            self.mark, self.next_mark = self.last, 2 * self.next_mark


def _require_keys(page: Sequence[CursorRow], key: Sequence[str], by: Sequence[str]) -> None:
    """Raise SourceChanged for a cursor that no statement can continue after."""
    if column := first_without_text([row.cursor for row in page], by):
        raise SourceChanged(
            f"A row has a text that is not UTF-8 in {column!r}, which orders the rows. Mend it there, or cast the "
            "column to bytes in sql=."
        )
    if any(None in row.cursor for row in page):
        raise SourceChanged(f"A row has no value in {', '.join(key)} or the watermark that orders it.")
    for row, following in itertools.pairwise(page):
        if row.cursor == following.cursor or (following is page[-1] and _equal(row.cursor, following.cursor)):
            raise SourceChanged(
                f"Two rows have the same {', '.join(key)}: {row.cursor!r}. Name key columns that are unique."
            )


def _equal(cursor: Cursor | None, expected: Cursor | None) -> bool:
    """Whether the cursors are equal; NaN, which is last where a database orders it, counts as equal to itself."""
    return cursor == expected or repr(cursor) == repr(expected)
