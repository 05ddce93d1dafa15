"""Whether a repeated header is a page break of one export, or the first line of another export of its kind.

Two exports joined into one file either overlap, so that rows repeat, or the later one begins before the days of the
first end. Equal rows on both sides of a page break are twins, and both of them took place. A header that shows neither
is decided by the other headers of the file, see seams.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice, pairwise

from ingestion import FileRefused
from integrations.bank.formats.csv_entry import read_balance, read_entry
from integrations.bank.formats.csv_records import MAX_RECORD_CHARS, CsvRecord, records
from integrations.bank.formats.csv_table import Table
from integrations.bank.formats.seams import SHOWN, Crossing, equal_rows, is_repeated, judge_by_days
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Entry

WINDOW_CHARS = 4 * MAX_RECORD_CHARS
"""How much of the text on either side of the header is compared."""


def judge_crossing(text: str, page: int, header: re.Match[str], layout: CsvLayout, table: Table) -> Crossing:
    """What a repeated header is. `page` is where the rows above it begin. Neither side is read beyond its own page."""
    end = text.find(header[0].rstrip("\r\n"), header.end(), header.end() + WINDOW_CHARS)
    start = max(page, header.start() - WINDOW_CHARS)
    above = _rows(text[start : header.start()], table)
    below = _rows(text[header.end() : header.end() + WINDOW_CHARS if end < 0 else end], table)
    if not above or not below:
        return Crossing(True)
    rows = [row.raw for row in above], [row.raw for row in below]
    if is_repeated(*rows, has_balance=bool(layout.columns.balance)):
        return Crossing(False)
    ends = [above[0], above[-1], below[0], below[-1]]
    if _do_balances_continue(ends, layout, table):
        return Crossing(True)
    twins = (_entry(below[index], layout, table) for index in equal_rows(*rows))
    twin_texts = (f"{entry.booked_on or entry.booked_text} {entry.amount_text}" for entry in islice(twins, SHOWN + 1))
    return judge_by_days(_steps(ends, layout, table), twin_texts)


def _rows(text: str, table: Table) -> list[CsvRecord]:
    """The rows up to the first one that cannot be split: the end of the text may have cut a cell of several lines."""
    rows: list[CsvRecord] = []
    with suppress(FileRefused):
        rows.extend(records(text, table.delimiter))
    return rows


def _steps(ends: Sequence[CsvRecord], layout: CsvLayout, table: Table) -> tuple[int, ...]:
    days = [_entry(row, layout, table).booked_on for row in ends]
    readable = [day for day in days if day is not None]
    if len(readable) < len(days):
        return ()
    return tuple((later - earlier).days for earlier, later in pairwise(readable))


def _do_balances_continue(ends: Sequence[CsvRecord], layout: CsvLayout, table: Table) -> bool:
    """Whether a row at one end of a page follows from the balance of a row at an end of the other: no page is missing
    between them.
    """
    if not layout.columns.balance:
        return False
    steps = [(_entry(row, layout, table).amount, read_balance(row, table, layout, layout.currency)) for row in ends]
    above, below = steps[:2], steps[2:]
    return any(
        amount is not None and before is not None and after is not None and before + amount == after
        for earlier, later in ((above, below), (below, above))
        for _, before in earlier
        for amount, after in later
    )


def _entry(row: CsvRecord, layout: CsvLayout, table: Table) -> Entry:
    return read_entry(row, table, layout, layout.currency)
