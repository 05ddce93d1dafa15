"""CSV by a declared layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import islice

from ingestion import FileTooLarge, UnreadableFile
from integrations.bank.formats.csv_amount import amount_by
from integrations.bank.formats.csv_balances import breaks, derived
from integrations.bank.formats.csv_entry import balance_after, continued, continues, entry_from
from integrations.bank.formats.csv_records import Record, decode, records, refuse_long_lines
from integrations.bank.formats.csv_table import Table, open_table
from integrations.bank.layouts.dates import parse_date
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import MAX_ENTRIES, Account, Balance, Entry, Statement


def read(data: bytes, layout: CsvLayout) -> tuple[Statement, ...]:
    """One statement per account named in the file, in the order of their first row; one with '' where none is named.

    Every row that is neither blank nor a declared footer becomes an entry: one that cannot be read has no amount or
    no date. A balance stands only where the preamble states it or the running balances prove it; running
    balances that nearly do are a problem of the statement. Raises UnreadableFile
    (not this layout, not text, a quote never closed) and FileTooLarge.
    """
    refuse_long_lines(data)
    text = decode(data, layout.encodings)
    table = open_table(text, layout)
    if table is None:
        raise UnreadableFile(f"The file is not in the CSV layout {layout.name!r}: its header or shape was not found.")
    head = _Head(layout, table)
    ledgers = _ledgers(islice(records(text, table.delimiter), table.skip, None), layout, table, head)
    alone = len(ledgers) == 1
    return tuple(_statement(identifier, ledger, layout, head, alone) for identifier, ledger in ledgers.items())


@dataclass(slots=True)
class _Ledger:
    entries: list[Entry] = field(default_factory=list)
    balances: list[Decimal | None] = field(default_factory=list)


def _ledgers(rows: Iterable[Record], layout: CsvLayout, table: Table, head: _Head) -> dict[str, _Ledger]:
    """Rows by account. A row of the wrong width names no account and stays with the row above it."""
    ledgers: dict[str, _Ledger] = {}
    footers = [re.compile(pattern) for pattern in layout.footers]
    current = head.account
    left = MAX_ENTRIES
    for row in rows:
        if any(footer.search(row.joined) for footer in footers):
            continue
        ledger = ledgers.get(current)
        if ledger is not None and ledger.entries and continues(row, table, layout):
            ledger.entries[-1] = continued(ledger.entries[-1], row, table, layout)
            continue
        if table.fits(row):
            current = _identifier(table.cell(row, layout.columns.account)) or current
        if left == 0:
            raise FileTooLarge(f"The file has more than {MAX_ENTRIES:,} rows: split it.")
        left -= 1
        ledger = ledgers.setdefault(current, _Ledger())
        entry = entry_from(row, table, layout, head.currency, len(ledger.entries))
        ledger.entries.append(entry)
        ledger.balances.append(balance_after(row, table, layout, entry.currency))
    return ledgers or {head.account: _Ledger()}


def _statement(identifier: str, ledger: _Ledger, layout: CsvLayout, head: _Head, alone: bool) -> Statement:
    """Balances in the preamble belong to an account only when the file has no other one."""
    currencies = {entry.currency for entry in ledger.entries if entry.amount is not None}
    currency = next(iter(currencies)) if len(currencies) == 1 else "" if currencies else head.currency
    opening, closing = (head.balance(key) if alone else None for key in ("opening", "closing"))
    runs = bool(layout.columns.balance)
    ends = derived(ledger.entries, ledger.balances) if runs else None
    broken = breaks(ledger.entries, ledger.balances) if runs and ends is None else ()
    if ends is not None:
        opening, closing = opening or ends[0], closing or ends[1]
    return Statement(
        account=Account(identifier, currency, bank=head.text("bank") or layout.bank, name=head.text("name")),
        entries=tuple(ledger.entries),
        format=f"csv:{layout.name}",
        opening=opening,
        closing=closing,
        period_start=head.day("period_start"),
        period_end=head.day("period_end"),
        problems=(*(head.problems() if alone else ()), *broken),
    )


def _identifier(text: str) -> str:
    """Without the stray quote that a row with an unbalanced one leaves: it would make a second account."""
    return "".join(text.replace('"', "").split())


class _Head:
    """What the preamble says, found by the layout's patterns."""

    def __init__(self, layout: CsvLayout, table: Table) -> None:
        self._layout = layout
        self._text = "\n".join(record.joined for record in table.preamble)
        self.account = _identifier(self.text("account"))
        self.currency = self.text("currency") or layout.currency

    def text(self, key: str) -> str:
        pattern = getattr(self._layout.preamble, key)
        found = re.search(pattern, self._text, re.MULTILINE) if pattern else None
        return (found[1] or "").strip() if found else ""

    def day(self, key: str) -> date | None:
        return parse_date(self.text(key), self._layout.date_formats)

    def balance(self, key: str) -> Balance | None:
        amount = self._amount(self.text(key))
        return Balance(amount, self.currency, self.day(f"{key}_on")) if amount is not None else None

    def problems(self) -> tuple[str, ...]:
        texts = ((key, self.text(key)) for key in ("opening", "closing"))
        return tuple(
            f"{key} balance {text!r} is not an amount" for key, text in texts if text and not self.balance(key)
        )

    def _amount(self, text: str) -> Decimal | None:
        styles: Sequence[CsvLayout] = (self._layout,)
        if self._layout.preamble.either_mark:
            other = {",": ".", ".": ","}
            mark = other[self._layout.decimal]
            styles = (self._layout, replace(self._layout, decimal=mark, thousands=self._layout.decimal))
        found = (amount_by(style, text, self.currency) for style in styles)
        return next((amount for amount in found if amount is not None), None)
