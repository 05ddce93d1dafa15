"""One CSV row as an entry. A row that cannot be read is one too: without amount or date, for the schema to reject."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import lru_cache

from ingestion import counted
from integrations.bank.formats.csv_amount import amount_by, fee_of, from_two, signed
from integrations.bank.formats.csv_records import Record
from integrations.bank.formats.csv_table import Table
from integrations.bank.layouts.dates import parse_date
from integrations.bank.layouts.layout import CsvLayout
from integrations.bank.statements import Entry, EntryStatus


def entry_from(record: Record, table: Table, layout: CsvLayout, currency: str, position: int = 0) -> Entry:
    """`currency` is for rows that name none."""
    if not table.fits(record):
        return _misshapen(record, table, currency, position)
    columns = layout.columns
    currency = table.cell(record, columns.currency) or currency
    amount, amount_text = _amount(record, table, layout, currency)
    booked_text = table.cell(record, columns.booked)
    payer, payee = table.cell(record, columns.payer), table.cell(record, columns.payee)
    named = [table.cell(record, name) for name in columns.counterparty]
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
        counterparty=next(filter(None, named), payer if amount is not None and amount > 0 else payee),
        counterparty_account=table.cell(record, columns.counterparty_account),
        description=_description(record, table, layout),
        raw=record.raw,
    )


def continues(record: Record, table: Table, layout: CsvLayout) -> bool:
    """The row only carries on the description of the one above; it may end with its text."""
    columns = layout.columns
    own = (columns.booked, columns.amount, columns.debit, columns.credit, columns.balance)
    if not layout.multiline or any(table.cell(record, name) for name in own):
        return False
    return table.fits(record) or (len(record.cells) < table.least and bool(_description(record, table, layout)))


def fee_from(record: Record, table: Table, layout: CsvLayout, entry: Entry) -> Entry | None:
    """The fee of a row as an entry behind the row's own; None where there is none, or the row could not be read."""
    fee = fee_of(layout, table.cell(record, layout.columns.fee), entry.currency) if entry.amount is not None else None
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


def continued(entry: Entry, record: Record, table: Table, layout: CsvLayout) -> Entry:
    text = f"{entry.description} {_description(record, table, layout)}".strip()
    return replace(entry, description=text, raw=f"{entry.raw}\n{record.raw}")


def balance_after(record: Record, table: Table, layout: CsvLayout, currency: str) -> Decimal | None:
    """None as well when the balance is in another currency than the entry."""
    columns = layout.columns
    own = table.cell(record, columns.balance_currency) or currency
    text = table.cell(record, columns.balance)
    return amount_by(layout, text, own) if text and own == currency and table.fits(record) else None


def _amount(record: Record, table: Table, layout: CsvLayout, currency: str) -> tuple[Decimal | None, str]:
    columns = layout.columns
    status = table.cell(record, columns.status)
    if layout.booked and status.casefold() not in _folded((*layout.booked, *layout.pending, *layout.void)):
        return None, f"status {status!r} is none that the layout knows"
    if columns.amount:
        text, flag = table.cell(record, columns.amount), table.cell(record, columns.sign)
        amount = signed(layout, text, flag, currency)
        shown = f"{text} {flag}".strip() if columns.sign else text
        return _with_fee(record, table, layout, currency, amount, shown) if columns.fee else (amount, shown)
    debit, credit = table.cell(record, columns.debit), table.cell(record, columns.credit)
    amount = from_two(layout, debit, credit, currency)
    return amount, (debit or credit) if amount is not None else _sides(debit, credit)


def _sides(debit: str, credit: str) -> str:
    return f"debit {debit!r}, credit {credit!r}"


def has_no_amount(entry: Entry) -> bool:
    """Whether the row leaves the cells of its amount empty."""
    return entry.amount is None and entry.amount_text in ("", _sides("", ""))


def _with_fee(
    record: Record, table: Table, layout: CsvLayout, currency: str, amount: Decimal | None, shown: str
) -> tuple[Decimal | None, str]:
    """The amount as it is, or none where its fee cannot be read, or both do not make the net amount."""
    fee_text, net_text = table.cell(record, layout.columns.fee), table.cell(record, layout.columns.net)
    fee = fee_of(layout, fee_text, currency)
    if amount is None or fee is None:
        return None, f"{shown} with a fee of {fee_text}" if fee is None else shown
    if layout.columns.net and amount_by(layout, net_text, currency) != amount + fee:
        return None, f"{shown} and a fee of {fee_text} do not make the net amount of {net_text}"
    return amount, shown


def _status(record: Record, table: Table, layout: CsvLayout) -> EntryStatus:
    text = table.cell(record, layout.columns.status or layout.columns.booked)
    if layout.void and _folded((text, table.cell(record, layout.columns.impact))) & _folded(
        tuple(filter(None, layout.void))
    ):
        return EntryStatus.VOID
    return EntryStatus.PENDING if text and _folded((text,)) & _folded(layout.pending) else EntryStatus.BOOKED


@lru_cache(maxsize=1024)
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    """Without case, which banks change: `Completed` and `COMPLETED`."""
    return frozenset(word.casefold() for word in words)


def _description(record: Record, table: Table, layout: CsvLayout) -> str:
    return " ".join(filter(None, (table.cell(record, name) for name in layout.columns.description)))


def _misshapen(record: Record, table: Table, currency: str, position: int) -> Entry:
    """Cells may have moved, so none of them is believed to be the amount; the text says what is wrong instead."""
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
