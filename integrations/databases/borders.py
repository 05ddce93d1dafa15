"""Pages follow one another: between two of them no row is left out, and none of them comes for ever.

Nothing is guessed of how a database compares: it is asked what comes behind a page.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestion import SourceChanged, Transient
from integrations.databases.reading import Cursor, Reading, Row, Span
from integrations.databases.unreadable import first_without_text

_TRIES = 5
"""So often a border may have moved because somebody wrote there, before the page is left for later."""


def bordered(
    rows: Reading, span: Span, after: Cursor | None, size: int, key: Sequence[str], by: Sequence[str]
) -> Sequence[Row]:
    """The next rows of `span`, `size` of them and the one behind, which comes first when the page is passed.

    `by` names the values of a cursor. Raises SourceChanged where another row comes first, or none (the database orders
    by something else than it compares), and where a value of a cursor is missing or no text: nothing is asked with it.
    """
    broken: tuple[Cursor, Cursor] | None = None
    for _ in range(_TRIES):
        found = rows.page(span, after, size + 1)
        _require_keys(found, key, by)
        if len(found) <= size:
            return found
        last, behind = found[size - 1].cursor, found[size].cursor
        following = rows.page(span, last, 1)
        if following and _same(following[0].cursor, behind):
            return found
        if broken and _same(broken[0], last) and _same(broken[1], behind):
            told = f"{following[0].cursor!r}" if following else "nothing"
            raise SourceChanged(
                f"In the database's order {behind!r} comes after {last!r}, but asked for what is greater it gives "
                f"{told}. It takes some {', '.join(key)} for the same, so rows could be left out or come for ever. "
                "Name a key that it tells apart, or cast it in sql=: text to binary, other types to text."
            )
        broken = (last, behind)  # or somebody wrote between the two questions
    raise Transient("The rows behind a page changed whenever it was read; it is read again later.")


@dataclass(slots=True)
class Passed:
    """A few of the cursors that a walk has passed: the last one, and one that is moved on ever more rarely, so that a
    circle of any length is noticed.
    """

    last: Cursor | None
    mark: Cursor | None = None
    pages: int = 0
    until: int = 1
    key: Sequence[str] = field(default=())

    def go_on(self, found: Sequence[Row]) -> None:
        """Raises SourceChanged where one of the rows was passed before."""
        cursors = [row.cursor for row in found]
        before = [cursor for cursor in (self.last, self.mark) if cursor in cursors]
        if before or _same(cursors[-1], self.last):
            raise SourceChanged(
                f"The database gives {(before or cursors)[-1]!r} again after it was passed, and would do so for ever: "
                f"what arrives of {', '.join(self.key)} or the watermark is not what it compares. Cast it in sql= "
                "to a type that arrives as it is stored: floats to double, other types to text."
            )
        self.last = found[-1].cursor
        self.pages += 1
        if self.pages == self.until:
            self.mark, self.until = self.last, 2 * self.until


def _require_keys(found: Sequence[Row], key: Sequence[str], by: Sequence[str]) -> None:
    if odd := first_without_text([row.cursor for row in found], by):
        raise SourceChanged(
            f"A row has a text that is not UTF-8 in {odd!r}, which orders the rows. Mend it there, or cast the "
            "column to bytes in sql=."
        )
    if any(None in row.cursor for row in found):
        raise SourceChanged(f"A row has no value in {', '.join(key)} or the watermark that orders it.")
    for row, behind in itertools.pairwise(found):
        if row.cursor == behind.cursor or (behind is found[-1] and _same(row.cursor, behind.cursor)):
            raise SourceChanged(
                f"Two rows have the same {', '.join(key)}: {row.cursor!r}. Name key columns that are unique."
            )


def _same(one: Cursor | None, other: Cursor | None) -> bool:
    """Also of NaN, which is not equal to itself; it stands last in the order of those who have it."""
    return one == other or repr(one) == repr(other)
