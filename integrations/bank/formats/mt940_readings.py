"""Amounts that are against MT940's rule, read in the way that makes the balances tie.

One bank writes `D-104,12` for a debit taken back, another for a plain debit; one leaves the comma out of whole amounts,
another out of all, and means cents. The line alone does not show which. The reader tries every reading, each for the
whole file, and uses one only if it alone makes the statement tie, with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from integrations.bank.formats.mt940_entries import Movement, read_movement
from integrations.bank.formats.mt940_parts import CLOSING, OPENING, Parts
from integrations.bank.formats.mt940_values import AS_WRITTEN, AmountReading, balance_doubts, parse_balance
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


def settle(parts: Parts, currency: str, ties: Callable[[Money], bool]) -> Money:
    """The money as written, or in the one reading that ties; with a problem if none or several do."""
    as_written = _money(parts, currency, AS_WRITTEN)
    doubts = sorted({doubt for movement in as_written.movements for doubt in movement.doubts} | _balance_doubts(parts))
    if not doubts:
        return as_written
    tied_readings = {reading: money for reading in _readings(doubts) if ties(money := _money(parts, currency, reading))}
    reading = next(iter(tied_readings), AS_WRITTEN)
    if not tied_readings or any(
        _amounts(money) != _amounts(tied_readings[reading]) for money in tied_readings.values()
    ):
        return replace(as_written, problem=_describe_problem(as_written, parts, len(tied_readings)))
    meanings = "; ".join(_MEANS[doubt, getattr(reading, doubt)] for doubt in doubts)
    line = _line_in_doubt(as_written, parts)
    return replace(
        tied_readings[reading], note=f"{line!r} is against MT940's rule; read so that the statement ties: {meanings}."
    )


def _readings(doubts: list[str]) -> Iterator[AmountReading]:
    for values in product((False, True), repeat=len(doubts)):
        yield AmountReading(**dict(zip(doubts, values, strict=True)))


def _money(parts: Parts, currency: str, reading: AmountReading) -> Money:
    opening, closing = (_balance(parts, currency, reading, *tags) for tags in (OPENING, CLOSING))
    movements = (read_movement(group, at, currency, reading) for at, group in enumerate(parts.groups))
    return Money(tuple(movements), opening, closing)


def _balance(parts: Parts, currency: str, reading: AmountReading, *tags: str) -> Balance | None:
    parsed_balance = parse_balance(parts.first(*tags), reading)
    return replace(parsed_balance, currency=parsed_balance.currency or currency) if parsed_balance else None


def _balance_doubts(parts: Parts) -> frozenset[str]:
    return balance_doubts(parts.first(*OPENING)) | balance_doubts(parts.first(*CLOSING))


def _amounts(money: Money) -> tuple[object, ...]:
    balance_amounts = (balance and balance.amount for balance in (money.opening, money.closing))
    return (*balance_amounts, *(movement.entry.amount for movement in money.movements))


def _describe_problem(money: Money, parts: Parts, readings_count: int) -> str:
    outcome = "more than one way of reading it makes" if readings_count else "no way of reading it makes"
    line = _line_in_doubt(money, parts)
    return f"an amount has a sign or no decimal mark, and {outcome} the statement tie: {line!r}"


def _line_in_doubt(money: Money, parts: Parts) -> str:
    """The first line in doubt, as it stands in the file."""
    line = next((movement.entry.raw.split("\n", 1)[0] for movement in money.movements if movement.doubts), "")
    return (line or next(text for text in parts.texts(*OPENING, *CLOSING) if balance_doubts(text)))[:80]
