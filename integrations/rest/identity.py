"""Two records without an id are the same when their values are, however the source writes them today.

The order of members, escapes (\\u00e9 or é), the spelling of a number (1.0, 1.00, 10e-1) and white space may change
from one response to the next. Twins, equal records that stand in one list twice, are told apart by numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ingestion import Record

_decoder = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)
_MAX_CHECKPOINT_ROWS = 2_000
"""Rows whose marks stand in a checkpoint, so that a reading that goes on later still knows twins of earlier pages."""


def canonical(body: bytes) -> str:
    """One text for all spellings of a JSON value. Raises ValueError, or RecursionError, for what is no JSON."""
    try:
        return _canonical_text(_decoder.decode(body.decode()))
    except ArithmeticError as error:
        raise ValueError("a number is too large to be read") from error


def identity(body: bytes) -> str:
    """64 hexadecimal digits that identify a record by its value. Raises ValueError for half a surrogate too."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def twin_key(name: str, number: int) -> str:
    """The key of the first, second, … record of the same identity."""
    return name if number < 2 else f"{name}-{number}"


def mark_twin(body: bytes, number: int) -> bytes:
    """The bytes of the first, second, … of equal records: each has one more space at its end, outside its value.

    Elements are cut out without white space, so `twin_number` can read the number from the stored bytes.
    """
    return body if number < 2 else body + b" " * (number - 1)


def twin_number(body: bytes) -> int:
    """Which of its equals a record is, by the spaces at the end of its bytes."""
    return len(body) - len(body.rstrip(b" ")) + 1


@dataclass(slots=True)
class Twins:
    """Counts equal records over a whole reading. Rows that a paging style reads again are not counted twice."""

    rows: list[str] = field(default_factory=list)
    """The identity of each row of the reading, in its order."""
    _counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, rows: Sequence[str]) -> Twins:
        return cls(list(rows), Counter(rows))

    def number_records(
        self, records: Sequence[Record], indexes: Sequence[int], element_count: int, position: int
    ) -> list[Record]:
        """The records of a page, each with the number of its twin in its key and its bytes.

        `indexes` says which of the page's elements each record is. Other elements have an empty identity.
        """
        identities = [""] * element_count
        for index, record in zip(indexes, records, strict=True):
            identities[index] = record.key
        numbers = self.number(identities, max(0, position))
        return [
            Record(twin_key(record.key, numbers[index]), mark_twin(record.body, numbers[index]), record.position)
            for index, record in zip(indexes, records, strict=True)
        ]

    def number(self, identities: Sequence[str], position: int) -> list[int]:
        """For each row of a page, which of its equals it is. The page begins at row `position` of the reading."""
        if position < len(self.rows):
            self._counts.subtract(self.rows[position:])
            del self.rows[position:]
        numbers = []
        for name in identities:
            self._counts[name] += 1
            numbers.append(self._counts[name])
            self.rows.append(name)
        return numbers

    def for_checkpoint(self) -> list[str] | None:
        """The rows as a checkpoint keeps them; None when they are too many for one."""
        return self.rows if len(self.rows) <= _MAX_CHECKPOINT_ROWS else None


def _canonical_text(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Decimal):
        return _canonical_number(value)
    if isinstance(value, float):
        raise ValueError(f"{value} is no JSON number.")
    if isinstance(value, dict):
        return "{" + ",".join(f"{_canonical_text(name)}:{_canonical_text(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical_text, value)) + "]"
    return {None: "null", True: "true", False: "false"}[value]


def _canonical_number(value: Decimal) -> str:
    """Without trailing zeros and without a sign of zero; exact, whatever its length."""
    sign, digits, exponent = value.as_tuple()
    if not any(digits) or not isinstance(exponent, int):
        return "0"
    text = "".join(map(str, digits))
    significant = text.rstrip("0")
    return f"{'-' if sign else ''}{significant.lstrip('0')}e{exponent + len(text) - len(significant)}"
