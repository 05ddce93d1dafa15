"""Whether a header that comes again is a page break of one export, or the first line of another export of its kind.

Two exports joined into one file either overlap, and then rows come again, or the later one begins where the days of the
first were before. Equal rows on both sides of a page break are twins, and both of them took place. A header that shows
neither is judged by the others of the file: where one of them begins another export, or the days run both ways, the
file was put together, and all of them do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice, pairwise
from typing import NamedTuple

from ingestion import FileRefused
from integrations.bank.formats.csv_entry import balance_after, entry_from
from integrations.bank.formats.csv_records import MAX_RECORD_CHARS, Record, records
from integrations.bank.formats.csv_table import Table
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Entry

WINDOW_CHARS = 4 * MAX_RECORD_CHARS
"""How much is looked at on either side of the header."""
SHOWN = 5
"""Equal rows on both sides that a note names."""


class Crossing(NamedTuple):
    """What the rows on both sides of a header that comes again say of it."""

    is_page_break: bool | None
    """None where they leave it open."""
    days: tuple[int, ...] = ()
    """Which way the days run above it, across it, and below it: by so many."""
    twins: tuple[str, ...] = ()
    """Day and amount of equal rows on both sides, where they leave it open; no more than tell that there are more."""


def crossing(text: str, page: int, header: re.Match[str], layout: CsvLayout, table: Table) -> Crossing:
    """`page` is where the rows above the header begin. Neither side is looked at beyond its own page."""
    end = text.find(header[0].rstrip("\r\n"), header.end(), header.end() + WINDOW_CHARS)
    start = max(page, header.start() - WINDOW_CHARS)
    above = _rows(text[start : header.start()], table)
    below = _rows(text[header.end() : header.end() + WINDOW_CHARS if end < 0 else end], table)
    if not above or not below:
        return Crossing(True)
    if _comes_again([row.raw for row in above], [row.raw for row in below], bool(layout.columns.balance)):
        return Crossing(False)
    ends = [above[0], above[-1], below[0], below[-1]]
    if _balances_go_on(ends, layout, table):
        return Crossing(True)
    days = _steps(ends, layout, table)
    # The first day below lies on the wrong side of the last day above, as the days of either page run.
    restarts = bool(days) and (days[0] or days[2]) * days[1] < 0
    return (
        Crossing(False, days)
        if restarts
        else Crossing(None, days, tuple(islice(_twins(above, below, layout, table), SHOWN + 1)))
    )


def were_joined(headers: Sequence[Crossing]) -> bool:
    """Whether exports were put together in the file: what one header leaves open is told by all of them.

    One of them begins another export, or the days run one way across a header, and the other way across another one or
    within a page.
    """
    steps = [step for each in headers for step in each.days]
    across = [each.days[1] for each in headers if each.days]
    if min(across, default=0) < 0 < max(steps, default=0) or min(steps, default=0) < 0 < max(across, default=0):
        return True
    return any(each.is_page_break is False for each in headers)


def _rows(text: str, table: Table) -> list[Record]:
    """Up to the first one that cannot be split: the end may have cut a cell of several lines."""
    rows: list[Record] = []
    with suppress(FileRefused):
        rows.extend(records(text, table.delimiter))
    return rows


def _comes_again(above: Sequence[str], below: Sequence[str], has_balance: bool) -> bool:
    """All rows again, or the last of the rows above as the first below: two different ones, or one with its balance."""
    if above == below or (has_balance and set(above) & set(below)):
        return True
    length = min(len(above), len(below))
    return any(
        above[-1] == below[size - 1] and len(set(below[:size])) > 1 and above[-size:] == below[:size]
        for size in range(2, length + 1)
    )


def _twins(above: Sequence[Record], below: Sequence[Record], layout: CsvLayout, table: Table) -> Iterator[str]:
    again = Counter(row.raw for row in above)
    for row in below:
        if again[row.raw]:
            again[row.raw] -= 1
            entry = _entry(row, layout, table)
            yield f"{entry.booked_on or entry.booked_text} {entry.amount_text}"


def _steps(ends: Sequence[Record], layout: CsvLayout, table: Table) -> tuple[int, ...]:
    days = [_entry(row, layout, table).booked_on for row in ends]
    readable = [day for day in days if day is not None]
    if len(readable) < len(days):
        return ()
    return tuple((later - earlier).days for earlier, later in pairwise(readable))


def _balances_go_on(ends: Sequence[Record], layout: CsvLayout, table: Table) -> bool:
    """A row at one end of a page follows from the balance of one at an end of the other: no page between is missing."""
    if not layout.columns.balance:
        return False
    steps = [(_entry(row, layout, table).amount, balance_after(row, table, layout, layout.currency)) for row in ends]
    above, below = steps[:2], steps[2:]
    return any(
        amount is not None and before is not None and after is not None and before + amount == after
        for earlier, later in ((above, below), (below, above))
        for _, before in earlier
        for amount, after in later
    )


def _entry(row: Record, layout: CsvLayout, table: Table) -> Entry:
    return entry_from(row, table, layout, layout.currency)
