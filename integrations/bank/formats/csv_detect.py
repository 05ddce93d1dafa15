"""Which layout a CSV file is in, by its content alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice

from ingestion import AmbiguousFormat, ConfigurationError, FileRefused, UnknownFormat
from integrations.bank.formats.csv_entry import continues_description, read_entry
from integrations.bank.formats.csv_nearest import NEAREST, describe_nearest
from integrations.bank.formats.csv_records import CsvRecord, decode, records
from integrations.bank.formats.csv_table import MAX_PREAMBLE_ROWS, Table, locate_table
from integrations.bank.layouts.check import did_you_mean
from integrations.bank.layouts.dates import date_order, parse_date
from integrations.bank.layouts.layout import CsvLayout

DECLARE = (
    "To declare a layout see https://github.com/sluicegate/django-sluicegate/blob/main/docs/how-to/add-a-csv-layout.md"
)
SAMPLE_BYTES = 64 * 1024
SAMPLE_ROWS = 100
MARGIN = 0.005
"""Two layouts that differ by less are ambiguous. One row of the sample that only one of them can read is worth more."""
THRESHOLD = 0.1
HEADER_SHARE = 0.2
"""The score of a header alone, if none of its rows can be read."""
SHAPE_SHARE = 0.8
"""Without a header there are only the rows: this share of them must be readable."""


def score(data: bytes, layout: CsvLayout) -> float:
    """0 (not this layout) to 1: header coverage times rows that read; a layout without a header stays below 0.6."""
    return _Sample(data).score(layout)


def detect_layout(data: bytes, layouts: Sequence[CsvLayout], dates: str = "") -> CsvLayout:
    """The layout that fits best; of several that fit alike, the only one that writes dates in the order `dates`
    ("dmy").

    Raises UnknownFormat and AmbiguousFormat, both naming the layouts in question.
    """
    if len({layout.name for layout in layouts}) != len(layouts):
        raise ConfigurationError("Two CSV layouts have the same name.")
    sample = _Sample(data)
    ranked = sorted(((sample.score(layout), layout) for layout in layouts), key=lambda pair: -pair[0])
    ranked = [(value, layout) for value, layout in ranked if value >= THRESHOLD]
    if not ranked:
        raise UnknownFormat(_describe_unknown(sample, layouts))
    close = [layout for value, layout in ranked if ranked[0][0] - value < MARGIN]
    if len(close) > 1 and dates:
        close = [layout for layout in close if date_order(layout.date_formats) == dates] or close
    if len(close) > 1:
        close = sample.keep_best_dated(close)
    if len(close) > 1 and ranked[0][0] <= HEADER_SHARE:  # to name one of them would make dead letters of all rows
        raise UnknownFormat(f"No CSV layout fits, of {len(layouts)}.{_describe_unread(close)} {DECLARE}")
    if len(close) > 1:
        names = ", ".join(layout.name for layout in close)
        empty = "" if any(map(sample.has_rows, close)) else "The file holds no entries, only a header. "
        raise AmbiguousFormat(
            f"{empty}The file fits several CSV layouts: {names}. Name one in the connection (--config layout=…), or "
            "the order of day and month in its dates (--config dates=dmy)."
        )
    return close[0]


def find_layout(name: str, layouts: Sequence[CsvLayout]) -> CsvLayout:
    """The layout of this name. Raises ConfigurationError if there is none."""
    for layout in layouts:
        if layout.name == name:
            return layout
    near = did_you_mean(name, [layout.name for layout in layouts])
    raise ConfigurationError(f"No CSV layout {name[:60]!r}.{near or ' The reference of CSV layouts lists them.'}")


class _Sample:
    """The first records of a file, split once per encoding and delimiter."""

    def __init__(self, data: bytes) -> None:
        self._data = data[:SAMPLE_BYTES]
        self._whole = len(data) <= SAMPLE_BYTES
        self._split: dict[tuple[str, str], tuple[CsvRecord, ...]] = {}

    def score(self, layout: CsvLayout) -> float:
        return max(self._score(layout, delimiter) for delimiter in layout.delimiter)

    def head(self, encodings: Sequence[str], delimiter: str) -> tuple[CsvRecord, ...]:
        """The first records, up to the first one that cannot be split: reading the file will say what is wrong
        with it.
        """
        try:
            text = decode(self._data, encodings, final=self._whole)
        except FileRefused:
            return ()
        key = (text[:SAMPLE_BYTES], delimiter)
        if key not in self._split:
            self._split[key] = tuple(islice(_readable_records(text, delimiter), MAX_PREAMBLE_ROWS + SAMPLE_ROWS))
            if not self._whole:
                self._split[key] = self._split[key][:-1] or self._split[key]
        return self._split[key]

    def keep_best_dated(self, layouts: list[CsvLayout]) -> list[CsvLayout]:
        """The layouts that read most of the dates: the 13th has one order, even if no amount of the file can be
        read.
        """
        counts = [max(self._dates(layout, delimiter) for delimiter in layout.delimiter) for layout in layouts]
        return [layout for layout, count in zip(layouts, counts, strict=True) if count == max(counts)]

    def _dates(self, layout: CsvLayout, delimiter: str) -> int:
        head = self.head(layout.encodings, delimiter)
        table = locate_table(head, layout, delimiter)
        if table is None:
            return 0
        rows = (row for row in head[table.skip : table.skip + SAMPLE_ROWS] if table.fits(row))
        cells = (table.cell(row, layout.columns.booked) for row in rows)
        return sum(parse_date(cell, layout.date_formats, layout.months) is not None for cell in cells)

    def has_rows(self, layout: CsvLayout) -> bool:
        """Whether anything stands below the header."""
        heads = ((self.head(layout.encodings, delimiter), delimiter) for delimiter in layout.delimiter)
        tables = ((head, locate_table(head, layout, delimiter)) for head, delimiter in heads)
        return any(table is not None and len(head) > table.skip for head, table in tables)

    def has_header(self, layout: CsvLayout) -> bool:
        tables = (
            locate_table(self.head(layout.encodings, delimiter), layout, delimiter) for delimiter in layout.delimiter
        )
        return bool(layout.header) and any(tables)

    def _score(self, layout: CsvLayout, delimiter: str) -> float:
        head = self.head(layout.encodings, delimiter)
        table = locate_table(head, layout, delimiter)
        if table is None:
            return 0.0
        rows = head[table.skip : table.skip + SAMPLE_ROWS]
        share = _readable_share(rows, table, layout)
        if layout.exact and not share:  # its header says little: rows that all cannot be read are of another layout
            return 0.0
        if not layout.header:
            return 0.6 * share if share >= SHAPE_SHARE else 0.0
        return table.coverage * (HEADER_SHARE + (1 - HEADER_SHARE) * share) if table.coverage >= 0.5 else 0.0


def _readable_records(text: str, delimiter: str) -> list[CsvRecord]:
    readable = []
    try:
        for record in records(text, delimiter):
            readable.append(record)
            if len(readable) > MAX_PREAMBLE_ROWS + SAMPLE_ROWS:
                break
    except FileRefused:
        pass
    return readable


def _readable_share(rows: Sequence[CsvRecord], table: Table, layout: CsvLayout) -> float:
    """Share of rows with an amount and a date (or a declared pending mark); 1 for a file with a header and no rows."""
    footers = [re.compile(pattern) for pattern in layout.footers]
    rows_read = [
        row
        for row in rows
        if not any(footer.search(row.joined) for footer in footers) and not continues_description(row, table, layout)
    ]
    if not rows_read:
        return 1.0 if layout.header else 0.0
    entries = [read_entry(row, table, layout, layout.currency) for row in rows_read]
    readable_count = sum(
        entry.amount is not None and (entry.booked_on is not None or entry.booked_text in layout.pending)
        for entry in entries
    )
    return readable_count / len(rows_read)


def _describe_unknown(sample: _Sample, layouts: Sequence[CsvLayout]) -> str:
    message = f"No CSV layout fits, of {len(layouts)}."
    unreadable_layouts = [layout for layout in layouts if layout.exact and sample.has_header(layout)]
    reason = _describe_unread(unreadable_layouts) if unreadable_layouts else describe_nearest(sample.head, layouts)
    return f"{message}{reason} {DECLARE}"


def _describe_unread(layouts: Sequence[CsvLayout]) -> str:
    """What no row below the header of these layouts has."""
    dates = " or ".join(dict.fromkeys(form for layout in layouts for form in layout.date_formats))
    names = ", ".join(layout.name for layout in layouts)
    marks = " or ".join(sorted({layout.decimal for layout in layouts}))
    return (
        f" Its header is that of {names}, but no row has an amount with the decimal mark {marks} and a date as {dates}."
    )


def describe_misfit(data: bytes, layout: CsvLayout, known_layouts: Sequence[CsvLayout]) -> str:
    """Why the file is not in this layout, which the config names, and which known layouts it is in or near; '' if it is
    in it.
    """
    sample = _Sample(data)
    if any(locate_table(sample.head(layout.encodings, delimiter), layout, delimiter) for delimiter in layout.delimiter):
        return ""
    message = f"The file is not in the CSV layout {layout.name!r}, which the config names."
    if layout.header:
        message += describe_nearest(sample.head, [layout]).replace(" Nearest: ", " It differs in ")
    else:
        message += f" No row has {layout.width} columns."
    candidates = [candidate for candidate in known_layouts if candidate.name != layout.name]
    fitting = [candidate.name for candidate in candidates if sample.score(candidate) >= THRESHOLD]
    if fitting:
        return f"{message} It is in {' or '.join(map(repr, fitting[:NEAREST]))}: name that one, or take layout away."
    nearest = describe_nearest(sample.head, candidates).strip() or "none is near."
    return f"{message} Of those that are known: {nearest} {DECLARE}"
