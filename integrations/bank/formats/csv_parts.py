"""Several exports joined into one file: a second header, with or without a preamble above it, begins another part.

Parts overlap like files do. A repeated header without a preamble is a page break if the rows below it continue those
above it, and no other header shows that exports were put together (`csv_page_breaks`). Rows without a header between
them cannot be told apart.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import NamedTuple

from ingestion import FileRefused, FileTooLarge
from integrations.bank.formats.csv_detect import detect_layout
from integrations.bank.formats.csv_entry import read_entry
from integrations.bank.formats.csv_page_breaks import judge_crossing
from integrations.bank.formats.csv_records import MAX_RECORD_CHARS, CsvRecord
from integrations.bank.formats.csv_table import MAX_PREAMBLE_ROWS, Table, is_header, open_table
from integrations.bank.formats.seams import Crossing, were_joined
from integrations.bank.layouts.layout import CsvLayout

MAX_PARTS = 1000
_HEAD_CHARS = 4 * MAX_RECORD_CHARS
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One export. `line` is where its text begins in the file, from 1; `breaks` counts the headers taken out of it."""

    layout: CsvLayout
    table: Table
    text: str
    line: int
    breaks: int = 0
    is_inferred: bool = False
    """Only the other headers of the file show that its header is no page break."""
    twins: tuple[str, ...] = ()
    """Equal rows on both sides of a page break, if nothing proves that it is one."""


class _PartSeam(NamedTuple):
    """A repeated header. `start` is where its preamble begins, `end` where its own line does."""

    start: int
    end: int
    layout: CsvLayout
    crossing: Crossing | None
    """None if a preamble, another layout or a byte order mark shows that another export begins."""


def split_parts(text: str, layout: CsvLayout, other_layouts: Sequence[CsvLayout] = ()) -> Iterator[Part]:
    """The exports in file order. One of them is in `layout`, which must fit. Raises FileTooLarge for more than
    MAX_PARTS.
    """
    *marked_texts, last = text.split("\ufeff")  # the mark of a file that was put behind another one
    join_offsets = set(accumulate(map(len, marked_texts)))
    text = "".join([*marked_texts, last])
    layout, seams = _find_seams(text, layout, other_layouts, join_offsets)
    crossings: dict[str, list[Crossing]] = defaultdict(list)
    for seam in seams:
        crossings[seam.layout.name] += [seam.crossing] if seam.crossing else []
    joined_layouts = {name for name, of_layout in crossings.items() if were_joined(of_layout)}
    begin, copied_to, line, breaks, is_inferred = 0, 0, 1, 0, False
    twins: tuple[str, ...] = ()
    pieces: list[str] = []
    table = _table_at(text, layout)
    for seam in seams:
        pieces.append(text[copied_to : seam.start])
        is_page_break = seam.crossing.is_page_break if seam.crossing else False
        if is_page_break or (is_page_break is None and seam.layout.name not in joined_layouts):
            copied_to = seam.end  # the line of the header stays, blank
            breaks += 1
            twins += seam.crossing.twins if seam.crossing else ()
            continue
        yield Part(layout, table, "".join(pieces), line, breaks, is_inferred, twins)
        line += len(_LINE_END.findall(text[begin : seam.start]))
        begin, copied_to, breaks, is_inferred = seam.start, seam.start, 0, is_page_break is None
        pieces, layout, table = [], seam.layout, _table_at(text[seam.start : seam.start + _HEAD_CHARS], seam.layout)
        twins = ()
    yield Part(layout, table, "".join([*pieces, text[copied_to:]]), line, breaks, is_inferred, twins)


def _find_seams(
    text: str, layout: CsvLayout, other_layouts: Sequence[CsvLayout], join_offsets: Collection[int]
) -> tuple[CsvLayout, list[_PartSeam]]:
    """The layout of the first export, and the headers after its own."""
    first, table, rows_start = layout, _table_at(text, layout), 0
    seams: list[_PartSeam] = []
    for number, header in enumerate(_find_headers(text, (layout, *other_layouts))):
        header_layout = _layout_of(text, header, layout, other_layouts)
        if not number and header_layout is not None and header_layout is not layout:
            first = layout = header_layout  # the rows above a header that fits better are no preamble
            table = _table_at(text, header_layout)
        if header_layout is None or not number:
            rows_start = header.end()
            continue
        if number > MAX_PARTS:
            raise FileTooLarge(f"The file has more than {MAX_PARTS:,} headers: split it.")
        start = _measure_preamble(
            text[max(rows_start, header.start() - _HEAD_CHARS) : header.start()], header_layout, layout, table
        )
        start, page, rows_start = header.start() - start, rows_start, header.end()
        crossing = None
        if header_layout is layout and start == header.start() and start not in join_offsets:
            crossing = Crossing(True) if table.preamble else judge_crossing(text, page, header, layout, table)
        seams.append(_PartSeam(start, header.start() + len(header[0].rstrip("\r\n")), header_layout, crossing))
        if crossing is None or crossing.is_page_break is False:
            layout, table = header_layout, _table_at(text[start : start + _HEAD_CHARS], header_layout)
    return first, seams


def _table_at(text: str, layout: CsvLayout) -> Table:
    table = open_table(text, layout)
    assert table is not None  # its header is there
    return table


def _find_headers(text: str, layouts: Sequence[CsvLayout]) -> Iterator[re.Match[str]]:
    """Lines that are a header of one of the layouts. Only lines that begin with a column's name are compared."""
    names = {name.strip() for layout in layouts for name in layout.header if name.strip()}
    if not names:
        return
    first_names = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    for match in re.finditer(rf'^"*(?:{first_names})[" ]*[;,\t|][^\r\n]*(?:\r\n|\r|\n)?', text, re.I | re.M):
        if any(_is_header(match[0], layout) for layout in layouts):
            yield match


def _is_header(line: str, layout: CsvLayout) -> bool:
    return bool(layout.header) and any(is_header(_record(line, delimiter), layout) for delimiter in layout.delimiter)


def _record(line: str, delimiter: str) -> CsvRecord:
    text = line.strip("\r\n")
    return CsvRecord(0, tuple(next(csv.reader([text], delimiter=delimiter), ())), text)


def _layout_of(
    text: str, header: re.Match[str], layout: CsvLayout, other_layouts: Sequence[CsvLayout]
) -> CsvLayout | None:
    """The current layout if its header fits, else the one that the rows below the header show."""
    if _is_header(header[0], layout):
        return layout
    sample = text[header.start() : header.start() + _HEAD_CHARS]
    try:
        # The mark makes the encoding certain, whatever the layouts say.
        return detect_layout(
            f"\ufeff{sample}".encode(),
            [other_layout for other_layout in other_layouts if _is_header(header[0], other_layout)],
        )
    except FileRefused:
        return None


def _measure_preamble(above: str, header_layout: CsvLayout, layout: CsvLayout, table: Table) -> int:
    """How many characters of the text above a header are the preamble of its part.

    It begins at a line that looks like the first of the preamble before, digits apart; for another layout, where one of
    its patterns first matches. A line that reads as an entry is never part of it.
    """
    chars = preamble_chars = 0
    for line in [match[0] for match in _LINE.finditer(above)][: -2 * MAX_PREAMBLE_ROWS : -1]:
        chars += len(line)
        record = _record(line, table.delimiter)
        entry = read_entry(record, table, layout, layout.currency)
        if entry.amount is not None and entry.booked_on is not None:
            break
        if _begins_preamble(record, table) if header_layout is layout else _matches_preamble(line, header_layout):
            preamble_chars = chars
    return preamble_chars


def _begins_preamble(record: CsvRecord, table: Table) -> bool:
    first = table.preamble[0].cells[0] if table.preamble else ""
    return bool(record.cells and first.strip()) and _DIGITS.sub("0", record.cells[0]) == _DIGITS.sub("0", first)


def _matches_preamble(line: str, layout: CsvLayout) -> bool:
    patterns = [getattr(layout.preamble, spec.name) for spec in fields(layout.preamble) if spec.type == "str"]
    joined = _record(line, layout.delimiter[0]).joined
    return any(pattern and re.search(pattern, joined) for pattern in patterns)
