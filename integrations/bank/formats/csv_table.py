"""Where the rows of a layout begin: below its header, or at the first row of its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from integrations.bank.formats.csv_records import CsvRecord, records
from integrations.bank.layouts.header import header_key, name_columns
from integrations.bank.layouts.layout import CsvLayout

MAX_PREAMBLE_ROWS = 60


@dataclass(frozen=True, slots=True)
class Table:
    delimiter: str
    preamble: tuple[CsvRecord, ...]
    places: Mapping[str, int]
    """Column index by `header_key`."""
    width: int
    least: int
    """Cells a row must have: the width without nameless columns at its end."""
    skip: int
    """Records above the first row."""
    coverage: float
    """Share of the file's named columns that the layout declares; 1.0 without a header."""
    undeclared: tuple[str, ...] = ()
    """The named columns that the layout does not declare."""

    def cell(self, record: CsvRecord, name: str) -> str:
        """The text of the row's cell; '' if the layout has no such column or the row ends before it."""
        place = self.places.get(header_key(name)) if name else None
        return record.cells[place].strip() if place is not None and place < len(record.cells) else ""

    def has(self, name: str) -> bool:
        """Whether the file has this column of the layout, which may be optional."""
        return bool(name) and header_key(name) in self.places

    def fits(self, record: CsvRecord) -> bool:
        """Whether the row has as many cells as the table. Empty cells behind it are exporters' trailing delimiters."""
        return len(record.cells) >= self.least and not any(cell.strip() for cell in record.cells[self.width :])


def locate_table(head: Sequence[CsvRecord], layout: CsvLayout, delimiter: str) -> Table | None:
    """The table in the first records of a file; None if neither header nor shape is found."""
    return _below_header(head, layout, delimiter) if layout.header else _by_shape(head, layout, delimiter)


def open_table(text: str, layout: CsvLayout) -> Table | None:
    """The table by the delimiter of the layout that fits best."""
    best = None
    for delimiter in layout.delimiter:
        head = tuple(islice(records(text, delimiter), MAX_PREAMBLE_ROWS + 1))
        table = locate_table(head, layout, delimiter)
        if table is not None and (best is None or table.coverage > best.coverage):
            best = table
    return best


def is_header(record: CsvRecord, layout: CsvLayout) -> bool:
    return _coverage(record, layout) > 0


def _coverage(record: CsvRecord, layout: CsvLayout) -> float:
    """The share of the named columns that the layout declares; 0 if this is not its header."""
    declared = {header_key(name) for name in name_columns(layout.header) if not name.startswith("#")}
    present = {header_key(name) for name in name_columns(record.cells) if not name.startswith("#")}
    if not declared <= present or len(record.cells) < len(layout.header):
        return 0.0
    undeclared = {header_key(name) for name in _undeclared(record, layout)}
    return 0.0 if layout.exact and undeclared else 1 - len(undeclared) / len(present)


def _undeclared(record: CsvRecord, layout: CsvLayout) -> tuple[str, ...]:
    declared = {header_key(name) for name in (*name_columns(layout.header), *layout.optional)}
    return tuple(
        name for name in name_columns(record.cells) if header_key(name) not in declared and not name.startswith("#")
    )


def _below_header(head: Sequence[CsvRecord], layout: CsvLayout, delimiter: str) -> Table | None:
    for index, record in enumerate(head[: MAX_PREAMBLE_ROWS + 1]):
        coverage = _coverage(record, layout)
        if coverage:
            names = name_columns(record.cells)
            places = {header_key(name): place for place, name in enumerate(names)}
            least = max(place for place, name in enumerate(names, 1) if not name.startswith("#"))
            undeclared = _undeclared(record, layout)
            return Table(delimiter, tuple(head[:index]), places, len(names), least, index + 1, coverage, undeclared)
    return None


def _by_shape(head: Sequence[CsvRecord], layout: CsvLayout, delimiter: str) -> Table | None:
    places = {f"#{place + 1}": place for place in range(layout.width)}
    for index, record in enumerate(head[: MAX_PREAMBLE_ROWS + 1]):
        if len(record.cells) == layout.width:
            return Table(delimiter, tuple(head[:index]), places, layout.width, layout.width, index, 1.0)
    return None
