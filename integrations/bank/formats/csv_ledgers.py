"""The rows of a CSV by account, currency and pocket: what has a running balance of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ingestion import FileTooLarge
from integrations.bank.formats.csv_entry import balance_after, continued, continues, entry_from, fee_from
from integrations.bank.formats.csv_head import Head, identifier
from integrations.bank.formats.csv_records import Record
from integrations.bank.formats.csv_table import Table
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import MAX_ENTRIES, Entry


@dataclass(slots=True)
class Ledger:
    """`balances` are those after each entry, in the ledger's currency."""

    account: str
    currency: str
    pocket: str = ""
    entries: list[Entry] = field(default_factory=list)
    balances: list[Decimal | None] = field(default_factory=list)
    last: int = -1
    """Where the entry of the last row is; its fee may come behind it."""

    def add(self, entry: Entry, balance: Decimal | None, fee: Entry | None) -> None:
        self.last = len(self.entries)
        self.entries += [entry] if fee is None else [entry, fee]
        self.balances += [balance] if fee is None else [None, balance]


def ledgers(rows: Iterable[Record], layout: CsvLayout, table: Table, head: Head) -> list[Ledger]:
    """In the order of their first row; one without rows where the table is empty.

    A row of the wrong width names no account and stays with the row above it. Raises FileTooLarge.
    """
    kept: dict[tuple[str, str, str], Ledger] = {}
    footers = [re.compile(pattern) for pattern in layout.footers]
    current = (head.account, head.currency, "")
    left = MAX_ENTRIES
    for row in rows:
        if any(footer.search(row.joined) for footer in footers):
            continue
        ledger = kept.get(current)
        if ledger is not None and continues(row, table, layout):
            ledger.entries[ledger.last] = continued(ledger.entries[ledger.last], row, table, layout)
            continue
        if table.fits(row):
            current = _owner(row, layout, table, current[0], head.currency)
        if left <= 0:
            raise FileTooLarge(f"The file has more than {MAX_ENTRIES:,} rows: split it.")
        ledger = kept.setdefault(current, Ledger(*current))
        entry = entry_from(row, table, layout, head.currency, len(ledger.entries))
        fee = fee_from(row, table, layout, entry)
        left -= 1 if fee is None else 2
        ledger.add(entry, balance_after(row, table, layout, ledger.currency), fee)
    return list(kept.values()) or [Ledger(*current)]


def _owner(row: Record, layout: CsvLayout, table: Table, account: str, currency: str) -> tuple[str, str, str]:
    """Whose row it is. The currency is that of the balance; a row above names the account where this one does not."""
    columns = layout.columns
    own = table.cell(row, columns.balance_currency) or table.cell(row, columns.currency) or currency
    return identifier(table.cell(row, columns.account)) or account, own, table.cell(row, columns.pocket)
