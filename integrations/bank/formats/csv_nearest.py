"""Why a CSV file is not in a layout: the nearest layouts, each with the columns that differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from integrations.bank.formats.csv_records import CsvRecord
from integrations.bank.formats.csv_table import MAX_PREAMBLE_ROWS
from integrations.bank.layouts.header import header_key, name_columns
from integrations.bank.layouts.layout import CsvLayout

Head = Callable[[Sequence[str], str], Sequence[CsvRecord]]
"""The first records of the file in one of these encodings, split by this delimiter."""
NEAREST = 3
_LEAST = 0.3
"""Share below which a layout has nothing to do with the file."""
_COLUMNS = 5


class LayoutDifference(NamedTuple):
    """How far a row of the file is from the header of a layout."""

    share: float
    """The share of the columns of either that are in both."""
    layout: CsvLayout
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    """Columns of the row that the layout does not know."""

    def __str__(self) -> str:
        missing_part = (
            f"the file has no column {_list_columns(self.missing)}" if self.missing else "all its columns are there"
        )
        extra_part = f", and {_list_columns(self.extra)} beside" if self.extra else ""
        return f"{self.layout.name!r}: {missing_part}{extra_part}"


def find_nearest(head: Head, layouts: Sequence[CsvLayout]) -> list[LayoutDifference]:
    """The nearest layouts that have a header, nearest first, without those that share hardly any column with the
    file.
    """
    compared = [_find_difference(head, layout) for layout in layouts if layout.header]
    nearest = [difference for difference in compared if difference is not None and difference.share >= _LEAST]
    return sorted(nearest, key=lambda difference: (-difference.share, difference.layout.name))[:NEAREST]


def describe_nearest(head: Head, layouts: Sequence[CsvLayout]) -> str:
    """The nearest layouts in sentences, '' if no layout is near."""
    nearest = find_nearest(head, layouts)
    return f" Nearest: {'; '.join(map(str, nearest))}." if nearest else ""


def _find_difference(head: Head, layout: CsvLayout) -> LayoutDifference | None:
    declared = {header_key(name): name for name in name_columns(layout.header) if not name.startswith("#")}
    declared_keys = declared.keys() | {header_key(name) for name in layout.optional}
    best: LayoutDifference | None = None
    for delimiter in layout.delimiter:
        for record in head(layout.encodings, delimiter)[: MAX_PREAMBLE_ROWS + 1]:
            present = {header_key(name): name for name in name_columns(record.cells) if not name.startswith("#")}
            missing = tuple(name for key, name in declared.items() if key not in present)
            extra = tuple(name for key, name in present.items() if key not in declared_keys)
            share = (len(declared) - len(missing)) / ((len(declared) + len(extra)) or 1)
            if best is None or share > best.share:
                best = LayoutDifference(share, layout, missing, extra)
    return best


def _list_columns(names: Sequence[str]) -> str:
    more = f" and {len(names) - _COLUMNS} more" if len(names) > _COLUMNS else ""
    return ", ".join(repr(name[:60]) for name in names[:_COLUMNS]) + more
