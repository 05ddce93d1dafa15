"""Amounts that are against MT940's rule, read as the balances say.

A bank writes `D-104,12` for a debit taken back, another for a plain debit; one leaves the comma out of whole amounts,
another out of all, and means cents. Nothing in the line tells which. All that a file leaves open is read the same way
throughout, in every way there is; a reading is taken only where it alone makes the statement tie, and is then told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from integrations.bank.formats.mt940_entries import Movement, read_movement
from integrations.bank.formats.mt940_parts import CLOSING, OPENING, Parts
from integrations.bank.formats.mt940_values import AS_WRITTEN, Reading, balance, balance_doubts
from integrations.bank.statements import Balance

_MEANS = {
    ("turns", False): "a minus inside an amount says the same as its mark",
    ("turns", True): "a minus inside an amount turns its mark round",
    ("minor", False): "an amount without a decimal mark is in whole units",
    ("minor", True): "an amount without a decimal mark is in the currency's smallest unit",
}


@dataclass(frozen=True, slots=True)
class Money:
    """All amounts of a statement, read in one way."""

    movements: tuple[Movement, ...]
    opening: Balance | None
    closing: Balance | None
    problem: str = ""
    note: str = ""


def settled(parts: Parts, currency: str, ties: Callable[[Money], bool]) -> Money:
    """The money as written, or in the one reading that ties; with a problem where none or several do."""
    written = _money(parts, currency, AS_WRITTEN)
    doubts = sorted({doubt for movement in written.movements for doubt in movement.doubts} | _balance_doubts(parts))
    if not doubts:
        return written
    tied = {reading: money for reading in _readings(doubts) if ties(money := _money(parts, currency, reading))}
    reading = next(iter(tied), AS_WRITTEN)
    if not tied or any(_amounts(money) != _amounts(tied[reading]) for money in tied.values()):
        return replace(written, problem=_problem(written, parts, len(tied)))
    how = "; ".join(_MEANS[doubt, getattr(reading, doubt)] for doubt in doubts)
    line = _line_in_doubt(written, parts)
    return replace(tied[reading], note=f"{line!r} is against MT940's rule; read so that the statement ties: {how}.")


def _readings(doubts: list[str]) -> Iterator[Reading]:
    for values in product((False, True), repeat=len(doubts)):
        yield Reading(**dict(zip(doubts, values, strict=True)))


def _money(parts: Parts, currency: str, reading: Reading) -> Money:
    opening, closing = (_balance(parts, currency, reading, *tags) for tags in (OPENING, CLOSING))
    movements = (read_movement(group, at, currency, reading) for at, group in enumerate(parts.groups))
    return Money(tuple(movements), opening, closing)


def _balance(parts: Parts, currency: str, reading: Reading, *tags: str) -> Balance | None:
    found = balance(parts.first(*tags), reading)
    return replace(found, currency=found.currency or currency) if found else None


def _balance_doubts(parts: Parts) -> frozenset[str]:
    return balance_doubts(parts.first(*OPENING)) | balance_doubts(parts.first(*CLOSING))


def _amounts(money: Money) -> tuple[object, ...]:
    ends = (end and end.amount for end in (money.opening, money.closing))
    return (*ends, *(movement.entry.amount for movement in money.movements))


def _problem(money: Money, parts: Parts, ways: int) -> str:
    outcome = "more than one way of reading it makes" if ways else "no way of reading it makes"
    line = _line_in_doubt(money, parts)
    return f"an amount has a sign or no decimal mark, and {outcome} the statement tie: {line!r}"


def _line_in_doubt(money: Money, parts: Parts) -> str:
    """The first, as it stands in the file."""
    line = next((movement.entry.raw.split("\n", 1)[0] for movement in money.movements if movement.doubts), "")
    return (line or next(text for text in parts.texts(*OPENING, *CLOSING) if balance_doubts(text)))[:80]
