"""One CSV row as an entry. A row that cannot be read becomes one too: without amount or date, for the schema to
reject.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from ingestion import counted
from integrations.bank.formats.csv_amount import parse_debit_credit, parse_fee, parse_layout_amount, parse_signed
from integrations.bank.formats.csv_records import CsvRecord
from integrations.bank.formats.csv_table import Table
from integrations.bank.layouts.dates import parse_date
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Entry, EntryStatus


def read_entry(record: CsvRecord, table: Table, layout: CsvLayout, currency: str, position: int = 0) -> Entry:
    """`currency` is for rows that name none."""
    if not table.fits(record):
        return _misshapen_entry(record, table, currency, position)
    columns = layout.columns
    currency = table.cell(record, columns.currency) or currency
    amount, amount_text = _amount(record, table, layout, currency)
    booked_text = table.cell(record, columns.booked)
    payer, payee = table.cell(record, columns.payer), table.cell(record, columns.payee)
    counterparties = [table.cell(record, name) for name in columns.counterparty]
    return Entry(
        position=position,
        amount=amount,
        amount_text=amount_text,
        currency=currency,
        booked_on=parse_date(booked_text, layout.date_formats, layout.months),
        booked_text=booked_text,
        value_on=parse_date(table.cell(record, columns.value), layout.date_formats, layout.months),
        status=_status(record, table, layout),
        bank_id=table.cell(record, columns.bank_id),
        reference=table.cell(record, columns.reference),
        kind=table.cell(record, columns.kind),
        counterparty=next(filter(None, counterparties), payer if amount is not None and amount > 0 else payee),
        counterparty_account=table.cell(record, columns.counterparty_account),
        description=_description(record, table, layout),
        raw=record.raw,
    )


def continues_description(record: CsvRecord, table: Table, layout: CsvLayout) -> bool:
    """Whether the row only continues the description of the row above; it may end with its text."""
    columns = layout.columns
    entry_columns = (columns.booked, columns.amount, columns.debit, columns.credit, columns.balance)
    if not layout.multiline or any(table.cell(record, name) for name in entry_columns):
        return False
    return table.fits(record) or (len(record.cells) < table.least and bool(_description(record, table, layout)))


def read_fee(record: CsvRecord, table: Table, layout: CsvLayout, entry: Entry) -> Entry | None:
    """The fee of a row as an entry behind the row's own; None if there is no fee, or the row could not be read."""
    fee = (
        parse_fee(layout, table.cell(record, layout.columns.fee), entry.currency) if entry.amount is not None else None
    )
    if not fee:
        return None
    return replace(
        entry,
        position=entry.position + 1,
        amount=fee,
        amount_text=table.cell(record, layout.columns.fee),
        bank_id=f"{entry.bank_id} fee" if entry.bank_id else "",
        kind="fee",
        description=f"Fee: {entry.description or entry.counterparty}".strip(),
        counterparty=layout.bank,
        counterparty_account="",
    )


def append_description(entry: Entry, record: CsvRecord, table: Table, layout: CsvLayout) -> Entry:
    text = f"{entry.description} {_description(record, table, layout)}".strip()
    return replace(entry, description=text, raw=f"{entry.raw}\n{record.raw}")


def read_balance(record: CsvRecord, table: Table, layout: CsvLayout, currency: str) -> Decimal | None:
    """The balance after the row; None if it cannot be read, or is in another currency than the entry."""
    columns = layout.columns
    balance_currency = table.cell(record, columns.balance_currency) or currency
    text = table.cell(record, columns.balance)
    return (
        parse_layout_amount(layout, text, balance_currency)
        if text and balance_currency == currency and table.fits(record)
        else None
    )


def _amount(record: CsvRecord, table: Table, layout: CsvLayout, currency: str) -> tuple[Decimal | None, str]:
    columns = layout.columns
    status = table.cell(record, columns.status)
    if layout.booked and status.casefold() not in _folded((*layout.booked, *layout.pending, *layout.void)):
        return None, f"status {status!r} is none that the layout knows"
    if columns.amount:
        text, flag = table.cell(record, columns.amount), table.cell(record, columns.sign)
        amount = parse_signed(layout, text, flag, currency)
        amount_text = f"{text} {flag}".strip() if columns.sign else text
        return (
            _check_fee(record, table, layout, currency, amount, amount_text) if columns.fee else (amount, amount_text)
        )
    debit, credit = table.cell(record, columns.debit), table.cell(record, columns.credit)
    amount = parse_debit_credit(layout, debit, credit, currency)
    return amount, (debit or credit) if amount is not None else _describe_sides(debit, credit)


def _describe_sides(debit: str, credit: str) -> str:
    return f"debit {debit!r}, credit {credit!r}"


def has_no_amount(entry: Entry) -> bool:
    """Whether the row leaves the cells of its amount empty."""
    return entry.amount is None and entry.amount_text in ("", _describe_sides("", ""))


def _check_fee(
    record: CsvRecord, table: Table, layout: CsvLayout, currency: str, amount: Decimal | None, amount_text: str
) -> tuple[Decimal | None, str]:
    """The amount as it is, or None if its fee cannot be read, or amount and fee do not make the net amount."""
    fee_text, net_text = table.cell(record, layout.columns.fee), table.cell(record, layout.columns.net)
    fee = parse_fee(layout, fee_text, currency)
    if amount is None or fee is None:
        return None, f"{amount_text} with a fee of {fee_text}" if fee is None else amount_text
    if layout.columns.net and parse_layout_amount(layout, net_text, currency) != amount + fee:
        return None, f"{amount_text} and a fee of {fee_text} do not make the net amount of {net_text}"
    return amount, amount_text


def _status(record: CsvRecord, table: Table, layout: CsvLayout) -> EntryStatus:
    text = table.cell(record, layout.columns.status or layout.columns.booked)
    if layout.void and _folded((text, table.cell(record, layout.columns.impact))) & _folded(
        tuple(filter(None, layout.void))
    ):
        return EntryStatus.VOID
    return EntryStatus.PENDING if text and _folded((text,)) & _folded(layout.pending) else EntryStatus.BOOKED


@lru_cache(maxsize=1024)
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    """The words without case, which banks change: `Completed` and `COMPLETED`."""
    return frozenset(word.casefold() for word in words)


def _description(record: CsvRecord, table: Table, layout: CsvLayout) -> str:
    return " ".join(filter(None, (table.cell(record, name) for name in layout.columns.description)))


def _misshapen_entry(record: CsvRecord, table: Table, currency: str, position: int) -> Entry:
    """A row with too few or too many cells. Cells may have moved, so none of them counts as the amount; the text says
    what is wrong.
    """
    fault = f"{counted(len(record.cells), 'column')} instead of {table.width} at line {record.line}"
    return Entry(
        position=position,
        amount=None,
        amount_text=fault,
        currency=currency,
        booked_on=None,
        booked_text=fault,
        description=record.joined,
        raw=record.raw,
    )
