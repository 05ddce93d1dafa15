"""What makes two records without an id the same: their value, however the source writes it today.

The order of members, escapes (\\u00e9 or é), the spelling of a number (1.0, 1.00, 10e-1) and white space may change
from one answer to the next. True twins, equal records that stand in one list twice, are told apart by which one of
them it is.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

_decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)
_KEPT = 2_000
"""Rows whose marks stand in a checkpoint, so that a reading that goes on later still knows twins of earlier pages."""


def canonical(body: bytes) -> str:
    """One text for all spellings of a JSON value. Raises ValueError, or RecursionError, for what is no JSON."""
    try:
        return _text(_decoder.decode(body.decode()))
    except ArithmeticError as error:
        raise ValueError("a number is too large to be read") from error


def identity(body: bytes) -> str:
    """64 hexadecimal digits that name the record's value. Raises ValueError for half a surrogate too."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def twin(name: str, number: int) -> str:
    """The key of the first, second, … record of the same identity."""
    return name if number < 2 else f"{name}-{number}"


def spelled(body: bytes, number: int) -> bytes:
    """The bytes of the first, second, … of equal records: each has one more space behind it, no part of its value.

    Elements are cut out without white space, so the number can be read from what is kept (`number_of`).
    """
    return body if number < 2 else body + b" " * (number - 1)


def number_of(body: bytes) -> int:
    return len(body) - len(body.rstrip(b" ")) + 1


@dataclass(slots=True)
class Twins:
    """Counts equal records over a whole reading, also where a style reads rows again: those are not counted twice."""

    rows: list[str] = field(default_factory=list)
    """Identities, by where they stand in the reading."""
    known: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, rows: Sequence[str]) -> Twins:
        return cls(list(rows), Counter(rows))

    def number(self, identities: Sequence[str], position: int) -> list[int]:
        """Which of its equals each record of a page is; the page begins at row `position` of the reading."""
        if position < len(self.rows):
            self.known.subtract(self.rows[position:])
            del self.rows[position:]
        numbers = []
        for name in identities:
            self.known[name] += 1
            numbers.append(self.known[name])
            self.rows.append(name)
        return numbers

    def kept(self) -> list[str] | None:
        """What a checkpoint keeps; None when it is too much for one."""
        return self.rows if len(self.rows) <= _KEPT else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, float):
        raise ValueError(f"{value} is no JSON number.")
    if isinstance(value, dict):
        return "{" + ",".join(f"{_text(name)}:{_text(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return {None: "null", True: "true", False: "false"}[value]


def _number(value: Decimal) -> str:
    """Without trailing zeros and without a sign of zero; exact, whatever its length."""
    sign, digits, exponent = value.as_tuple()
    if not any(digits) or not isinstance(exponent, int):
        return "0"
    text = "".join(map(str, digits))
    short = text.rstrip("0")
    return f"{'-' if sign else ''}{short.lstrip('0')}e{exponent + len(text) - len(short)}"
