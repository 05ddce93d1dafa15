"""JSON whose numbers stay what they were: decimals as Decimal, whole numbers of any length."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number.")


def number(text: str) -> Decimal:
    """A number that JSON writes with a point or an exponent. Raises ValueError for one that no Decimal holds."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of nineteen digits; it is no ValueError, as those of JSON are
        raise ValueError(f"the number {text[:40]} is too large to be read") from None


class ExactDecoder(json.JSONDecoder):
    """Reads decimals as Decimal and refuses NaN and Infinity, which are no JSON."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": number, "parse_constant": _no_number})


_decoder = ExactDecoder()


def read(raw: bytes) -> Any:
    """The value of UTF-8 JSON. Raises ValueError, or RecursionError for one that is nested too deeply."""
    return _decoder.decode(raw.decode())


class ExactEncoder(json.JSONEncoder):
    """Writes a Decimal as the number it is. For Django's JSONField, which takes a class."""

    def encode(self, o: Any) -> str:
        return _encoder.encode(o).decode()
