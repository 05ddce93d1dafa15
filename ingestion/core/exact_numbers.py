"""A record's bytes against its schema, with every digit of the numbers that it wants as Decimal.

Pydantic reads a JSON number as a float before it makes a Decimal of it: 12345678901234567.89 would be …568. Only where
a body holds a number that long, and its schema a Decimal, is it read another way.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from ingestion.core.user_errors import UNFORESEEN

_ALL_DIGITS_ALIKE = bytes.maketrans(b".123456789", b"0000000000")
_LONG = b"0" * 16
"""A float keeps 15 digits of every number; a sixteenth, or a point among fifteen, is worth a closer look."""
_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(-?(?=[0-9.]{16})[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)')
"""A text, which is passed over, or a long number."""
_NO_NUMBER = "\\u0000{place}"
"""A text that is no number and says which one it stands for."""


class _Written(float):
    """A float that still knows how it was written; Pydantic makes a Decimal of its text."""

    text: str

    def __new__(cls, text: str) -> _Written:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def validated(schema: type[BaseModel], body: bytes) -> BaseModel:
    """`body` as its schema takes it. Raises ValidationError, and whatever a validator of the schema raises."""
    if not _wants_decimals(schema) or _LONG not in body.translate(_ALL_DIGITS_ALIKE):
        return schema.model_validate_json(body)
    try:
        from_json(body)  # what is no JSON to Pydantic shall be none here
        value = json.loads(body, parse_float=_Written)
    except (ValueError, RecursionError):
        return schema.model_validate_json(body)
    try:
        return schema.model_validate(value)
    except ValidationError:
        schema.model_validate_json(body)  # says what is wrong, if anything is wrong but for long numbers
        return _strictly(schema, body.decode())


def _strictly(schema: type[BaseModel], text: str) -> BaseModel:
    """A strict schema takes no float for a Decimal, but a text from JSON; what is to be no Decimal stays a number."""
    return schema.model_validate_json(_quoted(text, "{}", _decimals(schema, text)))


def _decimals(schema: type[BaseModel], text: str) -> Collection[int]:
    """Which of the long numbers are to become Decimals: those that are refused as such with no number in their place.

    Where a text is allowed beside a Decimal, nothing is refused, and the number stays Pydantic's.
    """
    try:
        schema.model_validate_json(_quoted(text, _NO_NUMBER))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False)
        refused = (detail["input"] for detail in details if detail["type"].startswith("decimal"))
        return {int(sign[1:]) for sign in refused if isinstance(sign, str) and sign[:1] == "\0" and sign[1:].isdigit()}
    except UNFORESEEN:  # a validator that expects a number
        return range(len(text))
    return ()


def _quoted(text: str, form: str, places: Collection[int] | None = None) -> str:
    """JSON with its long numbers as texts of `form`, but for those that are whole, or not at one of `places`."""
    place = itertools.count()

    def token(match: re.Match[str]) -> str:
        number = match[1]
        if number is None or number.lstrip("-").isdigit():
            return match[0]
        at = next(place)
        return match[0] if places is not None and at not in places else f'"{form.format(number, place=at)}"'

    return _NUMBER.sub(token, text)


@lru_cache(maxsize=256)
def _wants_decimals(schema: type[BaseModel]) -> bool:
    """Whether a Decimal is anywhere in the schema, which reads its JSON as Pydantic does."""
    validate: Any = schema.model_validate_json
    if validate.__func__ is not BaseModel.model_validate_json.__func__:  # type: ignore[attr-defined]  # a class method
        return False
    schema.model_rebuild()
    return _holds_decimal(schema.__pydantic_core_schema__, set())


def _holds_decimal(part: Any, visited: set[int]) -> bool:
    if id(part) in visited:
        return False
    visited.add(id(part))
    if isinstance(part, dict):
        return part.get("type") == "decimal" or any(_holds_decimal(inner, visited) for inner in part.values())
    return isinstance(part, list | tuple) and any(_holds_decimal(inner, visited) for inner in part)
