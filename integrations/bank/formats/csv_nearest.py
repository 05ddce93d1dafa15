"""What keeps a CSV file from being in a layout: the nearest ones, each with the columns that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from integrations.bank.formats.csv_records import Record
from integrations.bank.formats.csv_table import MAX_PREAMBLE_ROWS
from integrations.bank.layouts.header import header_key, named
from integrations.bank.layouts.layout import CsvLayout

Head = Callable[[Sequence[str], str], Sequence[Record]]
"""The first records of the file in one of these encodings, parted by this delimiter."""
NEAREST = 3
_LEAST = 0.3
"""Share below which a layout says nothing about the file."""
_COLUMNS = 5


class Difference(NamedTuple):
    """How far a row of the file is from the header of a layout."""

    share: float
    """Of the columns of either, those that are in both."""
    layout: CsvLayout
    lacking: tuple[str, ...]
    further: tuple[str, ...]
    """Columns of the row that the layout does not know."""

    def __str__(self) -> str:
        lacks = f"the file has no column {_listed(self.lacking)}" if self.lacking else "all its columns are there"
        beside = f", and {_listed(self.further)} beside" if self.further else ""
        return f"{self.layout.name!r}: {lacks}{beside}"


def differences(head: Head, layouts: Sequence[CsvLayout]) -> list[Difference]:
    """The nearest layouts that have a header, nearest first; those that have nothing of the file are left out."""
    compared = [_difference(head, layout) for layout in layouts if layout.header]
    near = [each for each in compared if each is not None and each.share >= _LEAST]
    return sorted(near, key=lambda each: (-each.share, each.layout.name))[:NEAREST]


def described(head: Head, layouts: Sequence[CsvLayout]) -> str:
    """In sentences, '' where no layout is near."""
    near = differences(head, layouts)
    return f" Nearest: {'; '.join(map(str, near))}." if near else ""


def _difference(head: Head, layout: CsvLayout) -> Difference | None:
    wanted = {header_key(name): name for name in named(layout.header) if not name.startswith("#")}
    known = wanted.keys() | {header_key(name) for name in layout.optional}
    best: Difference | None = None
    for delimiter in layout.delimiter:
        for record in head(layout.encodings, delimiter)[: MAX_PREAMBLE_ROWS + 1]:
            present = {header_key(name): name for name in named(record.cells) if not name.startswith("#")}
            lacking = tuple(name for key, name in wanted.items() if key not in present)
            further = tuple(name for key, name in present.items() if key not in known)
            share = (len(wanted) - len(lacking)) / ((len(wanted) + len(further)) or 1)
            if best is None or share > best.share:
                best = Difference(share, layout, lacking, further)
    return best


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _COLUMNS} more" if len(names) > _COLUMNS else ""
    return ", ".join(repr(name[:60]) for name in names[:_COLUMNS]) + more
