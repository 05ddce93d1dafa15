"""Several exports joined into one file: a second header, with or without a preamble above it, begins another part.

Parts overlap like files do. A header that comes again without a preamble is a page break where the rows below it go on
where those above it stopped, and no other header shows that exports were put together (`csv_page_breaks`). Rows without
any header between them cannot be told apart.
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
from integrations.bank.formats.csv_entry import entry_from
from integrations.bank.formats.csv_page_breaks import crossing
from integrations.bank.formats.csv_records import MAX_RECORD_CHARS, Record
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
    """Only the other headers of the file show that its own is no page break."""
    twins: tuple[str, ...] = ()
    """Equal rows on both sides of a page break, of which nothing shows that it is one."""


class _Seam(NamedTuple):
    """A header that comes again. `start` is where its preamble begins, `end` where its own line does."""

    start: int
    end: int
    layout: CsvLayout
    crossing: Crossing | None
    """None where a preamble, another layout or a mark shows that another export begins."""


def parts(text: str, layout: CsvLayout, others: Sequence[CsvLayout] = ()) -> Iterator[Part]:
    """In file order. One is in `layout`, which must fit. Raises FileTooLarge for more than MAX_PARTS."""
    *marked, last = text.split("\ufeff")  # the mark of a file that was put behind another one
    joins = set(accumulate(map(len, marked)))
    text = "".join([*marked, last])
    layout, seams = _seams(text, layout, others, joins)
    crossings: dict[str, list[Crossing]] = defaultdict(list)
    for seam in seams:
        crossings[seam.layout.name] += [seam.crossing] if seam.crossing else []
    joined = {name for name, of_layout in crossings.items() if were_joined(of_layout)}
    begin, kept, line, breaks, is_inferred = 0, 0, 1, 0, False
    twins: tuple[str, ...] = ()
    pieces: list[str] = []
    table = _table(text, layout)
    for seam in seams:
        pieces.append(text[kept : seam.start])
        told = seam.crossing.is_page_break if seam.crossing else False
        if told or (told is None and seam.layout.name not in joined):
            kept = seam.end  # the line of the header stays, blank
            breaks += 1
            twins += seam.crossing.twins if seam.crossing else ()
            continue
        yield Part(layout, table, "".join(pieces), line, breaks, is_inferred, twins)
        line += len(_LINE_END.findall(text[begin : seam.start]))
        begin, kept, breaks, is_inferred = seam.start, seam.start, 0, told is None
        pieces, layout, table = [], seam.layout, _table(text[seam.start : seam.start + _HEAD_CHARS], seam.layout)
        twins = ()
    yield Part(layout, table, "".join([*pieces, text[kept:]]), line, breaks, is_inferred, twins)


def _seams(
    text: str, layout: CsvLayout, others: Sequence[CsvLayout], joins: Collection[int]
) -> tuple[CsvLayout, list[_Seam]]:
    """The layout of the first export, and the headers behind its own."""
    first, table, below = layout, _table(text, layout), 0
    seams: list[_Seam] = []
    for number, header in enumerate(_headers(text, (layout, *others))):
        new = _layout_of(text, header, layout, others)
        if not number and new is not None and new is not layout:
            first = layout = new  # the rows above a header that fits better are no preamble
            table = _table(text, new)
        if new is None or not number:
            below = header.end()
            continue
        if number > MAX_PARTS:
            raise FileTooLarge(f"The file has more than {MAX_PARTS:,} headers: split it.")
        start = _beginning(text[max(below, header.start() - _HEAD_CHARS) : header.start()], new, layout, table)
        start, page, below = header.start() - start, below, header.end()
        judged = None
        if new is layout and start == header.start() and start not in joins:
            judged = Crossing(True) if table.preamble else crossing(text, page, header, layout, table)
        seams.append(_Seam(start, header.start() + len(header[0].rstrip("\r\n")), new, judged))
        if judged is None or judged.is_page_break is False:
            layout, table = new, _table(text[start : start + _HEAD_CHARS], new)
    return first, seams


def _table(text: str, layout: CsvLayout) -> Table:
    table = open_table(text, layout)
    assert table is not None  # its header is there
    return table


def _headers(text: str, layouts: Sequence[CsvLayout]) -> Iterator[re.Match[str]]:
    """Lines that are a header of one of the layouts. Only those that begin with a column's name are looked at."""
    names = {name.strip() for layout in layouts for name in layout.header if name.strip()}
    if not names:
        return
    begins = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    for match in re.finditer(rf'^"*(?:{begins})[" ]*[;,\t|][^\r\n]*(?:\r\n|\r|\n)?', text, re.I | re.M):
        if any(_is_header(match[0], layout) for layout in layouts):
            yield match


def _is_header(line: str, layout: CsvLayout) -> bool:
    return bool(layout.header) and any(is_header(_record(line, each), layout) for each in layout.delimiter)


def _record(line: str, delimiter: str) -> Record:
    text = line.strip("\r\n")
    return Record(0, tuple(next(csv.reader([text], delimiter=delimiter), ())), text)


def _layout_of(text: str, header: re.Match[str], layout: CsvLayout, others: Sequence[CsvLayout]) -> CsvLayout | None:
    """The same one where its header fits, else what the rows below the header say."""
    if _is_header(header[0], layout):
        return layout
    sample = text[header.start() : header.start() + _HEAD_CHARS]
    try:
        # The mark makes the encoding certain, whatever the layouts say.
        return detect_layout(f"\ufeff{sample}".encode(), [each for each in others if _is_header(header[0], each)])
    except FileRefused:
        return None


def _beginning(above: str, new: CsvLayout, layout: CsvLayout, table: Table) -> int:
    """How many characters of the text above a header are the preamble of its part.

    It begins where a line looks like the first of the preamble before, digits apart; for another layout where one of
    its patterns is first met. Nothing that reads as an entry is ever taken for it.
    """
    chars = begins = 0
    for line in [match[0] for match in _LINE.finditer(above)][: -2 * MAX_PREAMBLE_ROWS : -1]:
        chars += len(line)
        record = _record(line, table.delimiter)
        entry = entry_from(record, table, layout, layout.currency)
        if entry.amount is not None and entry.booked_on is not None:
            break
        if _begins(record, table) if new is layout else _tells(line, new):
            begins = chars
    return begins


def _begins(record: Record, table: Table) -> bool:
    first = table.preamble[0].cells[0] if table.preamble else ""
    return bool(record.cells and first.strip()) and _DIGITS.sub("0", record.cells[0]) == _DIGITS.sub("0", first)


def _tells(line: str, layout: CsvLayout) -> bool:
    patterns = [getattr(layout.preamble, spec.name) for spec in fields(layout.preamble) if spec.type == "str"]
    joined = _record(line, layout.delimiter[0]).joined
    return any(pattern and re.search(pattern, joined) for pattern in patterns)
