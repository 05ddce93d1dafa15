"""How one bank writes its CSV: a value, checked when it is made. Reading it is `formats/csv_file.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from integrations.bank.layouts.check import check


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what, by the header text; '' means the file has no such column.

    A header text that comes twice is `Text`, then `Text#2`. A column without a text, or any column of a layout
    without a header, is `#1`, `#2`, ... by its place.
    """

    booked: str
    amount: str = ""
    debit: str = ""
    """Money out, written without a sign (see `CsvLayout.signed_debits`). Declare debit and credit, or amount."""
    credit: str = ""
    fee: str = ""
    """A fee that the amount does not include, signed like it (see `CsvLayout.unsigned_fees`): an entry of its own."""
    net: str = ""
    """Amount and fee together. A row where they do not make it cannot be read."""
    sign: str = ""
    """Says debit or credit in words; see `CsvLayout.debit_flags`."""
    value: str = ""
    status: str = ""
    impact: str = ""
    """A second status column, which says whether a row moves the balance at all; see `CsvLayout.void`."""
    currency: str = ""
    balance: str = ""
    """Running balance after the entry."""
    balance_currency: str = ""
    account: str = ""
    pocket: str = ""
    """A part of the account with a running balance of its own."""
    bank_id: str = ""
    reference: str = ""
    kind: str = ""
    counterparty: tuple[str, ...] = ()
    """The first that is not empty."""
    payer: str = ""
    payee: str = ""
    """Where one column names each side: the payer is the counterparty of a credit, the payee that of a debit."""
    counterparty_account: str = ""
    description: tuple[str, ...] = ()
    """Joined with a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preamble:
    """Regexes with one group each, searched in the rows above the header.

    Each such row is offered as its non-empty cells joined by ' | ', so that neither quotes nor the delimiter matter:
    `Kontostand vom 30.06.2023: | 5.000,01 EUR`. Patterns are trusted configuration: nothing stops a slow one.
    """

    account: str = ""
    bank: str = ""
    name: str = ""
    currency: str = ""
    opening: str = ""
    opening_on: str = ""
    closing: str = ""
    closing_on: str = ""
    period_start: str = ""
    period_end: str = ""
    either_mark: bool = False
    """The bank mixes 5.000,01 and 5000.01 up here: what the layout's style cannot read is tried the other way round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """One CSV export of one bank. Raises ConfigurationError naming the wrong key."""

    name: str
    """Stored in `Statement.format` and in connections; never rename one."""
    bank: str
    columns: Columns
    header: tuple[str, ...] = ()
    """The header row as the file has it. Files may have more columns, not fewer. Empty: the file has no header."""
    optional: tuple[str, ...] = ()
    """Columns that the export may have beside these; `columns` may name them, and reads '' where they are missing."""
    exact: bool = False
    """The file may have no column that is not declared: for headers so plain that many banks share them."""
    width: int = 0
    """Number of columns of a file without a header."""
    delimiter: str = ";"
    """One character, or all the characters that this export comes with."""
    encodings: tuple[str, ...] = ("utf-8", "cp1252")
    """Tried in this order; a byte order mark in the file wins."""
    date_formats: tuple[str, ...] = ("%d.%m.%Y",)
    """Tokens: `layouts/dates.py`."""
    months: tuple[str, ...] = ()
    """Twelve names for %b where they are not English, each with all its spellings: ("janvier janv", "février fév", ...)
    A spelling may be shortened as far as it stays the only one, and end in a point."""
    decimal: str = ","
    thousands: str = "."
    """'' where the bank never groups. ' ' and "'" include their no-break and typographic forms."""
    three_decimals: bool = False
    """The bank writes 29.000 also in currencies with fewer decimals; else that is no amount, since it may be 29000."""
    lakhs: bool = False
    """Groups as in India: 12,34,567.89."""
    symbols: tuple[str, ...] = ()
    """Currency symbols that may stand before or behind an amount."""
    trailing_minus: bool = False
    parentheses: bool = False
    debit_marks: tuple[str, ...] = ()
    credit_marks: tuple[str, ...] = ()
    """Words at the amount itself, before or behind it: `120.00 DR`. '' may be one of them: an amount without a word."""
    signed_debits: bool = False
    """The debit column holds amounts with a minus."""
    unsigned_fees: bool = False
    """The fee column holds amounts without a sign that are money out."""
    inverse: bool = False
    """Credit cards: purchases are positive in the file."""
    debit_flags: tuple[str, ...] = ()
    credit_flags: tuple[str, ...] = ()
    """Values of the sign column. '' may be one of them; anything else makes the entry unreadable."""
    pending: tuple[str, ...] = ()
    """Values of the status column (or of the booking date) that mean: not booked yet."""
    void: tuple[str, ...] = ()
    """Values of the status or impact column that mean: never took place (declined, reverted)."""
    booked: tuple[str, ...] = ()
    """All other values of the status column, where they are known: a row with any further value cannot be read."""
    currency: str = ""
    """Where no column says."""
    currency_if_named: str = ""
    """Where a connection names this layout and no currency; a header that many banks share says nothing of either."""
    preamble: Preamble = field(default_factory=Preamble)
    footers: tuple[str, ...] = ()
    """Regexes for rows that are no entries (totals, notes), matched like the preamble's."""
    multiline: bool = False
    """A row with neither date nor amount continues the description of the row above."""

    def __post_init__(self) -> None:
        check(self)
