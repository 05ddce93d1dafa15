"""The rows of a CSV by account, currency and pocket, each of which has a running balance of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion import FileTooLarge
from integrations.bank.formats.csv_entry import (
    append_description,
    continues_description,
    read_balance,
    read_entry,
    read_fee,
)
from integrations.bank.formats.csv_head import CsvHead, read_identifier
from integrations.bank.formats.csv_records import CsvRecord
from integrations.bank.formats.csv_table import Table
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import MAX_ENTRIES, Entry


@dataclass(slots=True)
class CsvLedger:
    """`balances` are those after each entry, in the ledger's currency."""

    account: str
    currency: str
    pocket: str = ""
    entries: list[Entry] = field(default_factory=list)
    balances: list[Decimal | None] = field(default_factory=list)
    last: int = -1
    """The index of the last row's entry; its fee may follow it."""

    def add(self, entry: Entry, balance: Decimal | None, fee: Entry | None) -> None:
        self.last = len(self.entries)
        self.entries += [entry] if fee is None else [entry, fee]
        self.balances += [balance] if fee is None else [None, balance]


def read_ledgers(rows: Iterable[CsvRecord], layout: CsvLayout, table: Table, head: CsvHead) -> list[CsvLedger]:
    """The ledgers in the order of their first row; one without rows if the table is empty.

    A row of the wrong width names no account and stays with the row above it. Raises FileTooLarge.
    """
    by_key: dict[tuple[str, str, str], CsvLedger] = {}
    footers = [re.compile(pattern) for pattern in layout.footers]
    current = (head.account, head.currency, "")
    remaining = MAX_ENTRIES
    for row in rows:
        if any(footer.search(row.joined) for footer in footers):
            continue
        ledger = by_key.get(current)
        if ledger is not None and continues_description(row, table, layout):
            ledger.entries[ledger.last] = append_description(ledger.entries[ledger.last], row, table, layout)
            continue
        if table.fits(row):
            current = _ledger_key(row, layout, table, current[0], head.currency)
        if remaining <= 0:
            raise FileTooLarge(f"The file has more than {MAX_ENTRIES:,} rows: split it.")
        ledger = by_key.setdefault(current, CsvLedger(*current))
        entry = read_entry(row, table, layout, head.currency, len(ledger.entries))
        fee = read_fee(row, table, layout, entry)
        remaining -= 1 if fee is None else 2
        ledger.add(entry, read_balance(row, table, layout, ledger.currency), fee)
    return list(by_key.values()) or [CsvLedger(*current)]


def _ledger_key(row: CsvRecord, layout: CsvLayout, table: Table, account: str, currency: str) -> tuple[str, str, str]:
    """Account, currency and pocket of a row. The currency is that of the balance; a row without an account belongs to
    the one above.
    """
    columns = layout.columns
    row_currency = table.cell(row, columns.balance_currency) or table.cell(row, columns.currency) or currency
    return read_identifier(table.cell(row, columns.account)) or account, row_currency, table.cell(row, columns.pocket)
