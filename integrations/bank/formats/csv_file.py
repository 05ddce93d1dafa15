"""CSV by a declared layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from ingestion import UnreadableFile, counted
from integrations.bank.formats.csv_balances import BalanceVerdict, judge_balances
from integrations.bank.formats.csv_head import CsvHead
from integrations.bank.formats.csv_ledgers import CsvLedger, read_ledgers
from integrations.bank.formats.csv_parts import Part, split_parts
from integrations.bank.formats.csv_records import decode, records, refuse_long_lines
from integrations.bank.formats.csv_table import open_table
from integrations.bank.formats.csv_unmoved import LEFT_OUT, MovingRows, leave_out_unmoved
from integrations.bank.formats.seams import APART, describe_twins
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Account, Statement


class _BalanceSettings(NamedTuple):
    """What the config says of the balances of its files, see `read_parts`."""

    balances_checked: bool
    balance_rows: str


def read(data: bytes, layout: CsvLayout) -> tuple[Statement, ...]:
    """The statements of all exports in the file, as `read_parts` yields them."""
    return tuple(statement for part in read_parts(data, layout) for statement in part)


def read_parts(
    data: bytes,
    layout: CsvLayout,
    other_layouts: Sequence[CsvLayout] = (),
    *,
    currency: str = "",
    balances_checked: bool = True,
    balance_rows: str = "",
) -> Iterator[tuple[Statement, ...]]:
    """For each export in the file one statement per account, currency and pocket, in the order of their first row.

    `other_layouts`: layouts that further exports in the file may be in; `currency`: used if neither file nor layout
    names one. Every row that is neither blank nor a declared footer becomes an entry: a row that cannot be read has no
    amount or no date. A balance counts only if the preamble states it or the running balances prove it; running
    balances that do not follow are a problem of the statement, unless `balances_checked` is false. `balance_rows`
    decides on a row without an amount that may state a balance, see csv_unmoved.py. Raises UnreadableFile (not this
    layout, not text, a quote never closed) and FileTooLarge.
    """
    refuse_long_lines(data)
    text = decode(data, layout.encodings)
    if open_table(text, layout) is None:
        raise UnreadableFile(f"The file is not in the CSV layout {layout.name!r}: its header or shape was not found.")
    previous_head: CsvHead | None = None
    for part in split_parts(text, layout, other_layouts):
        head = CsvHead(part.layout, part.table.preamble, currency)
        if previous_head is not None and not part.table.preamble:
            head.account, head.currency = head.account or previous_head.account, head.currency or previous_head.currency
        previous_head = head
        yield _statements(part, head, _BalanceSettings(balances_checked, balance_rows))


def _statements(part: Part, head: CsvHead, balance_settings: _BalanceSettings) -> tuple[Statement, ...]:
    rows = islice(records(part.text, part.table.delimiter, part.line), part.table.skip, None)
    csv_ledgers = read_ledgers(rows, part.layout, part.table, head)
    first, *other_statements = [
        _statement(ledger, part, head, len(csv_ledgers) == 1, balance_settings) for ledger in csv_ledgers
    ]
    is_refused = any(statement.problems for statement in (first, *other_statements))
    return (replace(first, notes=(*first.notes, *_notes(part, is_refused=is_refused))), *other_statements)


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
        count = counted(part.breaks, "more time")
        twins_text = describe_twins(part.twins, "equal rows on both sides of one")
        remedy = APART if is_refused or twins_text else ""
        notes.append(
            f"the header comes {count} without a preamble: read as page breaks of one export{twins_text}{remedy}"
        )
    return tuple(notes)


def _statement(
    ledger: CsvLedger, part: Part, head: CsvHead, is_alone: bool, balance_settings: _BalanceSettings
) -> Statement:
    """Balances in the preamble belong to an account only when the file has no other one."""
    layout = part.layout
    currencies = {entry.currency for entry in ledger.entries if entry.amount is not None}
    currency = next(iter(currencies)) if len(currencies) == 1 else "" if currencies else head.currency
    stated = BalanceVerdict(head.balance("opening"), head.balance("closing")) if is_alone else BalanceVerdict()
    has_column = part.table.has(layout.columns.balance)
    rows = MovingRows(ledger.entries, ledger.balances)
    if balance_settings.balances_checked:
        opening = stated.opening.amount if stated.opening else None
        rows = leave_out_unmoved(ledger.entries, ledger.balances, opening, balance_settings.balance_rows)
    judgement = _judge(rows, ledger.currency, stated, balance_settings.balances_checked, has_column=has_column)
    return Statement(
        account=Account(
            ledger.account, currency, bank=head.text("bank") or layout.bank, name=ledger.pocket or head.text("name")
        ),
        entries=tuple(replace(entry, position=position) for position, entry in enumerate(judgement.order))
        or tuple(rows.entries),
        format=f"csv:{layout.name}",
        opening=judgement.opening,
        closing=judgement.closing,
        period_start=head.day("period_start"),
        period_end=head.day("period_end"),
        problems=(*(head.problems() if is_alone else ()), *judgement.problems),
        unproved=judgement.unproved,
        direction=judgement.direction,
        between=judgement.between if None in (judgement.opening, judgement.closing) else None,
        left_out={LEFT_OUT: rows.left_out} if rows.left_out else {},
    )


def _judge(
    rows: MovingRows, currency: str, stated: BalanceVerdict, balances_checked: bool, *, has_column: bool
) -> BalanceVerdict:
    """What the file states, completed by what the running balances prove. Only a stated opening balance proves all
    amounts.
    """
    if not balances_checked:
        unchecked = "the connection's config says balances=unchecked"
        return replace(stated, unproved="" if stated.opening and stated.closing else unchecked)
    verdict = (
        judge_balances(rows.entries, rows.balances, currency)
        if has_column
        else BalanceVerdict(unproved=_describe_missing(stated))
    )
    opening, closing = stated.opening or verdict.opening, stated.closing or verdict.closing
    return replace(
        verdict, opening=opening, closing=closing, unproved="" if stated.opening and closing else verdict.unproved
    )


def _describe_missing(stated: BalanceVerdict) -> str:
    if not stated.opening and not stated.closing:
        return "the file states no balances"
    return f"the file states no {'closing' if stated.opening else 'opening'} balance"
