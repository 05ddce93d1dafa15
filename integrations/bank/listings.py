"""What a statement with balances lists, as a short text that its row keeps: days and amounts, in its order.

Other statements take over the rows of entries that they deliver too, and say nothing of where these stood here. With
its listing the course of a statement is known whatever came since, and from its first page on.

`2026-06-01 -3 x 5 2026-06-02 -1`: a day goes for all entries after it, `x` is an entry that is not booked or cannot be
read. Where a day at an end of the statement changes no balance, its entries have their bank's ids: `-3=A1`. The first
word may say in which direction the entries are listed, `rising` or `falling`, where balances between them show it; or
between which two balances they go, `between=100:105`, where they read alike from both ends.
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
    """The text of a statement, '' where it has no balances or nothing is booked."""
    if None in (statement.opening, statement.closing) and not statement.between:
        return ""
    if not any(_is_listed(statement, each) for each in statement.entries):
        return ""
    return " ".join([*_order(statement), *_words(statement, _unchanged(statement))])


def _order(statement: Statement) -> Iterator[str]:
    if statement.between:
        yield _BETWEEN + ":".join(f"{balance:f}" for balance in statement.between)
    elif statement.direction:
        yield statement.direction


def listed(text: str) -> Listed:
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


def compressed(text: str) -> bytes:
    """The text as it is stored."""
    return zlib.compress(text.encode())


def kept(stored: bytes | memoryview) -> Listed:
    """The entries of what `compressed` made."""
    return listed(zlib.decompress(stored).decode())


class Order(NamedTuple):
    """What a listing says about the order of its entries."""

    falls: bool | None = None
    """Whether they are listed from new to old; None where nothing shows it."""
    between: tuple[Decimal, Decimal] | None = None


def order(stored: bytes | memoryview | None) -> Order:
    """The order in what `compressed` made."""
    begin = zlib.decompressobj().decompress(stored, _LONGEST_WORD) if stored is not None else b""
    word = begin.decode().partition(" ")[0]
    if word.startswith(_BETWEEN):
        low, _, high = word.removeprefix(_BETWEEN).partition(":")
        return Order(between=(Decimal(low), Decimal(high)))
    return Order(word == Direction.FALLING if word in _DIRECTIONS else None)


def first_listed(statement: Statement) -> int | None:
    """The place of the entry whose record brings the listing: the first one that loads."""
    return next((at for at, entry in enumerate(statement.entries) if _is_listed(statement, entry)), None)


def _is_listed(statement: Statement, entry: Entry) -> bool:
    return entry.status is EntryStatus.BOOKED and not any(unreadable.faults(statement, entry))


def _words(statement: Statement, named: set[date]) -> Iterator[str]:
    before = None
    for entry in statement.entries:
        day, amount = booked_day(entry), entry.amount
        if day is None or amount is None or not _is_listed(statement, entry):
            yield "x"
            continue
        if day != before:
            yield day.isoformat()
        before = day
        name = bank_id_of(entry.bank_id) if day in named else ""
        yield f"{amount:f}={quote(name, safe='')}" if name else f"{amount:f}"


def _unchanged(statement: Statement) -> set[date]:
    """The first and the last day, where they change no balance."""
    changed: dict[date, Decimal] = {}
    for entry in statement.entries:
        day = booked_day(entry)
        if day is not None and entry.amount is not None and _is_listed(statement, entry):
            changed[day] = changed.get(day, Decimal()) + entry.amount
    return {day for day in (min(changed), max(changed)) if not changed[day]} if changed else set()
