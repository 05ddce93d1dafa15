"""What a statement with balances lists, as a short text in the statement's row: days and amounts, in its order.

Other statements take over the rows of entries that they deliver too, and do not show where these stood here. The
listing keeps the course of a statement known whatever came since, and from its first page on.

`2026-06-01 -3 x 5 2026-06-02 -1`: a day applies to all entries after it, `x` is an entry that is not booked or cannot
be read. If a day at an end of the statement changes no balance, its entries have their bank's ids: `-3=A1`. The first
word may name the direction in which the entries are listed, `rising` or `falling`, if balances between them show it; or
the balances between which they go, `between=100:105`, if they read alike from both ends.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from urllib.parse import quote, unquote

from integrations.bank import unreadable
from integrations.bank.bank_ids import bank_id_of
from integrations.bank.statements import Direction, Entry, EntryStatus, Statement
from integrations.bank.twins import booked_day

_DIRECTIONS = frozenset({Direction.RISING, Direction.FALLING})
_BETWEEN = "between="
_LONGEST_WORD = 200
"""More than the first word of a listing takes."""
Listed = dict[int, tuple[date, Decimal, str]]
"""Day, amount and the bank's id of entries by their position."""


def listing(statement: Statement) -> str:
    """The text of a statement; '' if it has no balances or nothing is booked."""
    if None in (statement.opening, statement.closing) and not statement.between:
        return ""
    if not any(_is_listed(statement, entry) for entry in statement.entries):
        return ""
    return " ".join([*_order_word(statement), *_words(statement, _unchanged_days(statement))])


def _order_word(statement: Statement) -> Iterator[str]:
    if statement.between:
        yield _BETWEEN + ":".join(f"{balance:f}" for balance in statement.between)
    elif statement.direction:
        yield statement.direction


def parse_listing(text: str) -> Listed:
    """The entries of a text."""
    entries: Listed = {}
    day, position = date.min, 0
    for word in text.split():
        if word in _DIRECTIONS or word.startswith(_BETWEEN):
            continue
        if "-" in word[1:] and "=" not in word:
            day = date.fromisoformat(word)
            continue
        if word != "x":
            amount, _, name = word.partition("=")
            entries[position] = day, Decimal(amount), unquote(name)
        position += 1
    return entries


def compress(text: str) -> bytes:
    """The text as it is stored."""
    return zlib.compress(text.encode())


def read_listing(stored: bytes | memoryview) -> Listed:
    """The entries of a stored text."""
    return parse_listing(zlib.decompress(stored).decode())


class Order(NamedTuple):
    """What a listing says about the order of its entries."""

    falls: bool | None = None
    """Whether they are listed from new to old; None if nothing shows it."""
    between: tuple[Decimal, Decimal] | None = None


def read_order(stored: bytes | memoryview | None) -> Order:
    """The order that a stored text names."""
    beginning = zlib.decompressobj().decompress(stored, _LONGEST_WORD) if stored is not None else b""
    word = beginning.decode().partition(" ")[0]
    if word.startswith(_BETWEEN):
        low, _, high = word.removeprefix(_BETWEEN).partition(":")
        return Order(between=(Decimal(low), Decimal(high)))
    return Order(word == Direction.FALLING if word in _DIRECTIONS else None)


def find_first_listed(statement: Statement) -> int | None:
    """The place of the entry whose record brings the listing: the first one that loads."""
    return next((at for at, entry in enumerate(statement.entries) if _is_listed(statement, entry)), None)


def _is_listed(statement: Statement, entry: Entry) -> bool:
    return entry.status is EntryStatus.BOOKED and not any(unreadable.faults(statement, entry))


def _words(statement: Statement, days_with_ids: set[date]) -> Iterator[str]:
    before = None
    for entry in statement.entries:
        day, amount = booked_day(entry), entry.amount
        if day is None or amount is None or not _is_listed(statement, entry):
            yield "x"
            continue
        if day != before:
            yield day.isoformat()
        before = day
        name = bank_id_of(entry.bank_id) if day in days_with_ids else ""
        yield f"{amount:f}={quote(name, safe='')}" if name else f"{amount:f}"


def _unchanged_days(statement: Statement) -> set[date]:
    """The first and the last day, if they change no balance."""
    changes: dict[date, Decimal] = {}
    for entry in statement.entries:
        day = booked_day(entry)
        if day is not None and entry.amount is not None and _is_listed(statement, entry):
            changes[day] = changes.get(day, Decimal()) + entry.amount
    return {day for day in (min(changes), max(changes)) if not changes[day]} if changes else set()
