"""Rows of an OFX file that state a balance where only entries may stand, as Brazilian banks write them.

`Saldo Anterior` and `Saldo do dia` come as STMTTRN, with the balance as the amount. Posted, they would be money that
never moved; left out by their name alone, an entry of that name would be lost. So such a row is left out only if it has
no id (FITID) and the file proves what it is: it moves nothing (0.00), or its amount is the balance at its place, as the
ledger balance or the other rows of its kind show. A row with either an id or no proof becomes a dead letter that asks;
a row with an id and without proof is an entry that only sounds like a balance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from integrations.bank.formats.options import LEAVE_OUT, POST
from integrations.bank.statements import BALANCE_OR_MONEY, Balance, Entry

LEFT_OUT = "rows that state a balance"
_BALANCE = re.compile(
    r"(saldo|s a l d o)( (anterior|inicial|final|atual|actual|do dia|del dia|total|iniziale|finale))?"
    r"|(opening|closing|previous|beginning|ending|daily) balance|balance (brought |carried )?forward"
    r"|(ancien |nouveau )?solde( (precedent|initial|final|du jour))?|anfangssaldo|endsaldo|kontostand"
)
"""The name or the text must match whole: a payment that only mentions a balance has more words."""


def leave_out_balances(
    entries: Sequence[Entry], closing: Balance | None, balance_rows: str
) -> tuple[tuple[Entry, ...], int]:
    """The entries, of which those in doubt have no amount, and how many rows are left out.

    `balance_rows` is what the config says of such rows: leave them out, post them, or '' to go by what the file shows.
    """
    stated = {at for at, entry in enumerate(entries) if entry.amount is not None and states_balance(entry)}
    if not stated or balance_rows == POST:
        return tuple(entries), 0
    proved = _find_proved(entries, stated, closing)
    without_id = {at for at in stated if not entries[at].bank_id}
    left_out = stated if balance_rows == LEAVE_OUT else proved & without_id
    in_doubt = (proved | without_id) - left_out
    entries_left = [_ask(entry) if at in in_doubt else entry for at, entry in enumerate(entries) if at not in left_out]
    return tuple(entries_left), len(left_out)


def states_balance(entry: Entry) -> bool:
    """Whether the entry's name, or its text if it has no name, is the name of a balance."""
    return bool(_BALANCE.fullmatch(_plain(entry.counterparty or entry.description)))


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).split()).strip(" .:-")


def _ask(entry: Entry) -> Entry:
    """The entry without an amount, so that it cannot be posted; the text says why and what to do."""
    text = entry.counterparty or entry.description
    return replace(entry, amount=None, amount_text=f"{entry.amount_text} of {text[:40]!r}{BALANCE_OR_MONEY}")


def _find_proved(entries: Sequence[Entry], stated: set[int], closing: Balance | None) -> set[int]:
    empty = {at for at in stated if not entries[at].amount and not entries[at].bank_id}
    by_ledger = {
        at for at in stated if closing and entries[at].amount in set(_balances_at(entries, stated, at, closing))
    }
    return empty | by_ledger | _find_linked(entries, stated)


def _balances_at(entries: Sequence[Entry], stated: set[int], at: int, closing: Balance) -> Iterator[Decimal]:
    """The possible balances at a place, counted from the ledger balance: in files from old to new, from new to old, by
    days.
    """
    moved = [(place, entry) for place, entry in enumerate(entries) if place not in stated and entry.amount is not None]
    day = entries[at].booked_on
    yield closing.amount - _sum(entry for place, entry in moved if place > at)
    yield closing.amount - _sum(entry for place, entry in moved if place < at)
    if day and all(entry.booked_on for _, entry in moved):
        yield closing.amount - _sum(entry for _, entry in moved if entry.booked_on and entry.booked_on > day)
        yield closing.amount - _sum(entry for _, entry in moved if entry.booked_on and entry.booked_on >= day)


def _find_linked(entries: Sequence[Entry], stated: set[int]) -> set[int]:
    """Neighbours that differ by exactly what moved between them, in either order of the file."""
    linked: set[int] = set()
    for before, after in pairwise(sorted(stated)):
        moved = _sum(entries[before + 1 : after])
        difference = (entries[after].amount or Decimal()) - (entries[before].amount or Decimal())
        if moved and abs(difference) == abs(moved):
            linked |= {before, after}
    return linked


def _sum(entries: Iterable[Entry]) -> Decimal:
    return sum((entry.amount for entry in entries if entry.amount is not None), Decimal())
