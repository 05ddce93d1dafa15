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
    """Money out, written without a sign. Declare debit and credit, or amount."""
    credit: str = ""
    sign: str = ""
    """Says debit or credit in words; see `CsvLayout.debit_flags`."""
    value: str = ""
    status: str = ""
    currency: str = ""
    balance: str = ""
    """Running balance after the entry."""
    balance_currency: str = ""
    account: str = ""
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
    width: int = 0
    """Number of columns of a file without a header."""
    delimiter: str = ";"
    """One character, or all the characters that this export comes with."""
    encodings: tuple[str, ...] = ("utf-8", "cp1252")
    """Tried in this order; a byte order mark in the file wins."""
    date_formats: tuple[str, ...] = ("%d.%m.%Y",)
    """Tokens: `layouts/dates.py`."""
    decimal: str = ","
    thousands: str = "."
    """'' where the bank never groups. ' ' and "'" include their no-break and typographic forms."""
    symbols: tuple[str, ...] = ()
    """Currency symbols that may stand before or behind an amount."""
    trailing_minus: bool = False
    parentheses: bool = False
    inverse: bool = False
    """Credit cards: purchases are positive in the file."""
    debit_flags: tuple[str, ...] = ()
    credit_flags: tuple[str, ...] = ()
    """Values of the sign column. '' may be one of them; anything else makes the entry unreadable."""
    pending: tuple[str, ...] = ()
    """Values of the status column (or of the booking date) that mean: not booked yet."""
    currency: str = ""
    """Where no column says."""
    preamble: Preamble = field(default_factory=Preamble)
    footers: tuple[str, ...] = ()
    """Regexes for rows that are no entries (totals, notes), matched like the preamble's."""
    multiline: bool = False
    """A row with neither date nor amount continues the description of the row above."""

    def __post_init__(self) -> None:
        check(self)
