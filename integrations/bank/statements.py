"""What every bank format is read into: plain values, no Django.

A reader is a function ``read(data: bytes) -> tuple[Statement, ...]``. It raises a `FileRefused` class when the
file as a whole cannot be used, and puts what is wrong with one entry into that entry's texts: amounts and dates
that are not one stay as text, so that the schema rejects the entry and the rest of the file still loads.
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
"""How the text ends that stands in for the amount of a row that may state a balance; the schema asks which it is."""


NOTICES = frozenset({"camt.052", "camt.054", "mt942"})
"""Formats that announce, in part in finer pieces, what the statement books later: posting both would double it.
An account without statements sets `post_notices` in its connection's config.
"""


class EntryStatus(StrEnum):
    """Booked entries count in the balance; pending, void (never took place) and information entries do not."""

    BOOKED = "booked"
    PENDING = "pending"
    INFORMATION = "information"
    VOID = "void"


class Direction(StrEnum):
    """In which direction the balances between its entries show that a statement lists them."""

    UNKNOWN = ""
    RISING = "rising"
    """From old to new."""
    FALLING = "falling"
    """From new to old."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose statement it is. `identifier` is the IBAN or the account number as the file writes it, spaces removed, or
    its name, whose spaces count.
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
    """The bank's name, where the format has one beside the number (OFX)."""
    qualifier: str = ""
    """What tells it from other accounts of its number, in formats that promise that: bank and kind (OFX)."""
    former: str = ""
    """The identifier as it was known before it was spelled as now, '' where that is the same."""
    is_name: bool = False
    """The identifier is a name, spelled with its blanks."""
    shares_former: bool = False
    """Another account of the file was known by the same `former`: what is stored of that may be either one's."""

    @property
    def known_by(self) -> str:
        """What identifies the account, beside its currency."""
        return known_by(self.identifier, self.qualifier)


def known_by(identifier: str, qualifier: str) -> str:
    """No number holds a line break, so nobody's number and qualifier are another one's number."""
    return f"{qualifier}\n{identifier}" if qualifier else identifier


@dataclass(frozen=True, slots=True)
class Balance:
    """A signed amount in major units at the end (or start) of a day; `on` is None where the file gives no date."""

    amount: Decimal
    currency: str
    on: date | None


@dataclass(frozen=True, slots=True)
class EntryPart:
    """One of several transactions that the bank booked together as one entry (CAMT TxDtls)."""

    amount: Decimal | None
    """Signed like an entry's, in `currency`; None where the bank gives none that can be read."""
    amount_text: str
    currency: str
    reference: str = ""
    """The end-to-end reference, '' where there is none."""
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
    """The amount as the file writes it; what the schema judges when `amount` is None."""
    currency: str
    booked_on: date | None
    booked_text: str
    """The booking date as the file writes it."""
    value_on: date | None = None
    status: EntryStatus = EntryStatus.BOOKED
    bank_id: str = ""
    """The bank's own id of this entry where the format promises one (FITID, AcctSvcrRef, after //), else ''."""
    reference: str = ""
    """The customer's or end-to-end reference."""
    kind: str = ""
    """The format's own transaction type code."""
    counterparty: str = ""
    counterparty_account: str = ""
    description: str = ""
    parts: tuple[EntryPart, ...] = ()
    """What the bank booked together as this entry, where that is more than one and it says so."""
    corrects: str = ""
    """The bank's id of the earlier entry that this one corrects (OFX CORRECTFITID), '' for none."""
    correction: Correction = ""
    """What becomes of that earlier entry: this one takes its place, or it is withdrawn and this one is no entry."""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """JSON of what only some banks say (charges, mandate, ...); docs/reference/bank-details.md names the keys."""
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
    """Why the balances could not be held against the entries although nothing is wrong; '' where they were."""
    left_out: Mapping[str, int] = field(default_factory=dict, hash=False)
    """What the file holds beside the entries and nobody loads, by its plain name, with how many there are."""
    totals: str = ""
    """Which of the totals that the bank declares (TxsSummry, :90D:, :90C:) hold; '' where it declares none."""
    notes: tuple[str, ...] = ()
    """What was read in one of several ways, or looks wrong and changes no money; for the run's timeline."""
    page: int | None = None
    """Page of a statement that the bank cut up, from 1; None where the format does not say."""
    last_page: bool | None = None
    direction: Direction = Direction.UNKNOWN
    between: tuple[Decimal, Decimal] | None = None
    """The lower and the higher of two balances, where all its entries are of one day and go from one of them to the
    other and back: they read alike from both ends, so that the balances at its ends are not known.
    """


Reader = Callable[[bytes], tuple[Statement, ...]]


def imbalance(statement: Statement) -> Decimal | None:
    """How far opening + booked entries is from closing; None where the format gave no two balances.

    An entry whose amount could not be read counts as zero, so that such a statement does not tie by accident.
    """
    if statement.opening is None or statement.closing is None:
        return None
    booked = sum(
        (e.amount for e in statement.entries if e.amount is not None and e.status is EntryStatus.BOOKED), Decimal()
    )
    return statement.opening.amount + booked - statement.closing.amount
