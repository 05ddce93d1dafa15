"""CSV by a declared layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from ingestion import UnreadableFile, counted
from integrations.bank.formats.csv_balances import Judgement, judge
from integrations.bank.formats.csv_head import Head
from integrations.bank.formats.csv_ledgers import Ledger, ledgers
from integrations.bank.formats.csv_parts import Part, parts
from integrations.bank.formats.csv_records import decode, records, refuse_long_lines
from integrations.bank.formats.csv_table import open_table
from integrations.bank.formats.csv_unmoved import LEFT_OUT, Moving, moving
from integrations.bank.formats.seams import APART, doubt
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Account, Statement


class _Judging(NamedTuple):
    """What the config says of the balances of its files, see `read_parts`."""

    balances_checked: bool
    balance_rows: str


def read(data: bytes, layout: CsvLayout) -> tuple[Statement, ...]:
    """The statements of all exports in the file, as `read_parts` yields them."""
    return tuple(statement for part in read_parts(data, layout) for statement in part)


def read_parts(
    data: bytes,
    layout: CsvLayout,
    others: Sequence[CsvLayout] = (),
    *,
    currency: str = "",
    balances_checked: bool = True,
    balance_rows: str = "",
) -> Iterator[tuple[Statement, ...]]:
    """For each export joined into the file one statement per account, currency and pocket, in order of their first row.

    `others`: layouts that further exports in the file may be in; `currency`: where neither file nor layout names one.
    Every row that is neither blank nor a declared footer becomes an entry: one that cannot be read has no amount or
    no date. A balance stands only where the preamble states it or the running balances prove it; running balances that
    do not follow are a problem of the statement, unless `balances_checked` is false. `balance_rows` says what becomes
    of a row without an amount that may state a balance, see csv_unmoved.py. Raises UnreadableFile (not this
    layout, not text, a quote never closed) and FileTooLarge.
    """
    refuse_long_lines(data)
    text = decode(data, layout.encodings)
    if open_table(text, layout) is None:
        raise UnreadableFile(f"The file is not in the CSV layout {layout.name!r}: its header or shape was not found.")
    above: Head | None = None
    for part in parts(text, layout, others):
        head = Head(part.layout, part.table.preamble, currency)
        if above is not None and not part.table.preamble:
            head.account, head.currency = head.account or above.account, head.currency or above.currency
        above = head
        yield _statements(part, head, _Judging(balances_checked, balance_rows))


def _statements(part: Part, head: Head, judging: _Judging) -> tuple[Statement, ...]:
    rows = islice(records(part.text, part.table.delimiter, part.line), part.table.skip, None)
    owned = ledgers(rows, part.layout, part.table, head)
    first, *others = [_statement(ledger, part, head, len(owned) == 1, judging) for ledger in owned]
    is_refused = any(statement.problems for statement in (first, *others))
    return (replace(first, notes=(*first.notes, *_notes(part, is_refused=is_refused))), *others)


def _notes(part: Part, *, is_refused: bool) -> tuple[str, ...]:
    notes = []
    if part.table.undeclared:
        columns = counted(len(part.table.undeclared), "column")
        notes.append(f"{columns} not read, for the layout declares none such: {', '.join(part.table.undeclared)}")
    if part.is_inferred:
        notes.append(
            f"line {part.line} is read as the header of another export and no page break, since other headers of the "
            "file begin one: rows that come before it too count once"
        )
    if part.breaks:
        again = counted(part.breaks, "more time")
        twins = doubt(part.twins, "equal rows on both sides of one")
        remedy = APART if is_refused or twins else ""
        notes.append(f"the header comes {again} without a preamble: read as page breaks of one export{twins}{remedy}")
    return tuple(notes)


def _statement(ledger: Ledger, part: Part, head: Head, alone: bool, judging: _Judging) -> Statement:
    """Balances in the preamble belong to an account only when the file has no other one."""
    layout = part.layout
    currencies = {entry.currency for entry in ledger.entries if entry.amount is not None}
    currency = next(iter(currencies)) if len(currencies) == 1 else "" if currencies else head.currency
    stated = Judgement(head.balance("opening"), head.balance("closing")) if alone else Judgement()
    has_column = part.table.has(layout.columns.balance)
    rows = Moving(ledger.entries, ledger.balances)
    if judging.balances_checked:
        opening = stated.opening.amount if stated.opening else None
        rows = moving(ledger.entries, ledger.balances, opening, judging.balance_rows)
    judgement = _judgement(rows, ledger.currency, stated, judging.balances_checked, has_column=has_column)
    return Statement(
        account=Account(
            ledger.account, currency, bank=head.text("bank") or layout.bank, name=ledger.pocket or head.text("name")
        ),
        entries=tuple(replace(each, position=at) for at, each in enumerate(judgement.order)) or tuple(rows.entries),
        format=f"csv:{layout.name}",
        opening=judgement.opening,
        closing=judgement.closing,
        period_start=head.day("period_start"),
        period_end=head.day("period_end"),
        problems=(*(head.problems() if alone else ()), *judgement.problems),
        unproved=judgement.unproved,
        direction=judgement.direction,
        between=judgement.between if None in (judgement.opening, judgement.closing) else None,
        left_out={LEFT_OUT: rows.left_out} if rows.left_out else {},
    )


def _judgement(
    rows: Moving, currency: str, stated: Judgement, balances_checked: bool, *, has_column: bool
) -> Judgement:
    """What the file states, completed by what the running balances show; only a stated opening proves all amounts."""
    if not balances_checked:
        unchecked = "the connection's config says balances=unchecked"
        return replace(stated, unproved="" if stated.opening and stated.closing else unchecked)
    shown = judge(rows.entries, rows.balances, currency) if has_column else Judgement(unproved=_unstated(stated))
    opening, closing = stated.opening or shown.opening, stated.closing or shown.closing
    return replace(
        shown, opening=opening, closing=closing, unproved="" if stated.opening and closing else shown.unproved
    )


def _unstated(stated: Judgement) -> str:
    if not stated.opening and not stated.closing:
        return "the file states no balances"
    return f"the file states no {'closing' if stated.opening else 'opening'} balance"
