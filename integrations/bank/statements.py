"""The values that every bank format is read into: plain values, no Django.

A reader is a function ``read(data: bytes) -> tuple[Statement, ...]``. It raises a `FileRefused` class if the file as a
whole cannot be used, and puts the fault of a single entry into that entry's texts: an amount or date that cannot be
read stays as text, so that the schema rejects the entry and the rest of the file still loads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

Correction = Literal["", "replace", "delete"]

MAX_ENTRIES = 250_000
"""Per file, in every format: an entry takes over a kilobyte of memory, however few bytes stand for it."""

MAX_STATEMENTS = 25_000
"""Per file, in every format: each is loaded in a transaction of its own, so empty ones keep a worker for hours."""

BALANCE_OR_MONEY = ", a balance or money"
"""How the text ends that takes the place of the amount of a row that may state a balance; the schema asks which
it is.
"""


NOTICES = frozenset({"camt.052", "camt.054", "mt942"})
"""Formats that announce, in part in finer pieces, what the statement books later: posting both would double it. An
account without statements sets `post_notices` in its connection's config.
"""


class EntryStatus(StrEnum):
    """Booked entries count in the balance; pending, void (never took place) and information entries do not."""

    BOOKED = "booked"
    PENDING = "pending"
    INFORMATION = "information"
    VOID = "void"


class Direction(StrEnum):
    """The direction in which a statement lists its entries, as the balances between them show it."""

    UNKNOWN = ""
    RISING = "rising"
    """From old to new."""
    FALLING = "falling"
    """From new to old."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a statement. `identifier` is the IBAN or the account number as the file writes it, without spaces,
    or its name, in which spaces count.
    """

    identifier: str
    currency: str = ""
    """ISO 4217 code, or '' where the format does not say."""
    bank: str = ""
    """BIC, routing number or bank name as the file gives it."""
    name: str = ""
    kind: str = ""
    """The format's own account type (checking, savings, creditline, ...), lower case."""
    institution: str = ""
    """The bank's name, if the format has one beside the number (OFX)."""
    qualifier: str = ""
    """Bank and kind, which tell it from other accounts of its number in formats that promise both (OFX)."""
    former: str = ""
    """The identifier in its former spelling, '' if that is the same."""
    is_name: bool = False
    """The identifier is a name, spelled with its blanks."""
    shares_former: bool = False
    """Another account of the file had the same former spelling: what is stored under it may belong to either."""

    @property
    def known_by(self) -> str:
        """What identifies the account, beside its currency."""
        return known_by(self.identifier, self.qualifier)


def known_by(identifier: str, qualifier: str) -> str:
    """Number and qualifier as one text. No number holds a line break, so no two accounts share such a text."""
    return f"{qualifier}\n{identifier}" if qualifier else identifier


@dataclass(frozen=True, slots=True)
class Balance:
    """A signed amount in major units at the end (or start) of a day; `on` is None if the file gives no date."""

    amount: Decimal
    currency: str
    on: date | None


@dataclass(frozen=True, slots=True)
class EntryPart:
    """One of several transactions that the bank booked together as one entry (CAMT TxDtls)."""

    amount: Decimal | None
    """Signed like an entry's, in `currency`; None if the bank gives none that can be read."""
    amount_text: str
    currency: str
    reference: str = ""
    """The end-to-end reference, '' if the part has none."""
    counterparty: str = ""
    counterparty_account: str = ""
    description: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement. Credits are positive, debits negative, reversals already turned round."""

    position: int
    """0-based within the statement."""
    amount: Decimal | None
    """Signed, major units; None when `amount_text` is not an amount."""
    amount_text: str
    """The amount as the file writes it. The schema judges it if `amount` is None."""
    currency: str
    booked_on: date | None
    booked_text: str
    """The booking date as the file writes it."""
    value_on: date | None = None
    status: EntryStatus = EntryStatus.BOOKED
    bank_id: str = ""
    """The bank's own id of this entry if the format promises one (FITID, AcctSvcrRef, after //), else ''."""
    reference: str = ""
    """The customer's or end-to-end reference."""
    kind: str = ""
    """The format's own transaction type code."""
    counterparty: str = ""
    counterparty_account: str = ""
    description: str = ""
    parts: tuple[EntryPart, ...] = ()
    """The transactions that the bank booked together as this entry, if there are several and it lists them."""
    corrects: str = ""
    """The bank's id of the earlier entry that this one corrects (OFX CORRECTFITID), '' for none."""
    correction: Correction = ""
    """How the earlier entry changes: this one replaces it, or it is deleted and this one is no entry."""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """JSON of what only some banks write (charges, mandate, ...); docs/reference/bank-details.md names the keys."""
    raw: str = ""
    """The exact text of the entry, for the dead letter."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one account, as read."""

    account: Account
    entries: tuple[Entry, ...]
    format: str
    """'ofx', 'mt940', 'mt942', 'camt.052', 'camt.053', 'camt.054', 'qif' or 'csv:<layout>'."""
    reference: str = ""
    """The bank's id of the statement, '' where the format has none."""
    number: str = ""
    """Sequence number (MT940 :28C:, CAMT ElctrncSeqNb / LglSeqNb)."""
    opening: Balance | None = None
    closing: Balance | None = None
    available: Balance | None = None
    period_start: date | None = None
    period_end: date | None = None
    problems: tuple[str, ...] = field(default=())
    """Why the whole statement must be refused although it could be read (a balance that cannot be parsed, ...)."""
    unproved: str = ""
    """Why the balances could not be checked against the entries although nothing is wrong; '' if they were."""
    left_out: Mapping[str, int] = field(default_factory=dict, hash=False)
    """What the file holds beside the entries and what is not loaded, by its plain name, with how many there are."""
    totals: str = ""
    """Which of the totals that the bank declares (TxsSummry, :90D:, :90C:) hold; '' if it declares none."""
    notes: tuple[str, ...] = ()
    """What was read in one of several ways, or looks wrong and changes no money; for the run's timeline."""
    page: int | None = None
    """Page of a statement that the bank cut up, from 1; None if the format does not say."""
    last_page: bool | None = None
    direction: Direction = Direction.UNKNOWN
    between: tuple[Decimal, Decimal] | None = None
    """The lower and the higher of two balances, if all its entries are of one day and go from one of them to the other
    and back: they read alike from both ends, so the balances at its ends are not known.
    """


Reader = Callable[[bytes], tuple[Statement, ...]]


def imbalance(statement: Statement) -> Decimal | None:
    """How far opening + booked entries is from closing; None if the format gave no two balances.

    An entry whose amount could not be read counts as zero, so that such a statement does not tie by accident.
    """
    if statement.opening is None or statement.closing is None:
        return None
    booked = sum(
        (e.amount for e in statement.entries if e.amount is not None and e.status is EntryStatus.BOOKED), Decimal()
    )
    return statement.opening.amount + booked - statement.closing.amount
