"""Reads and writes JSON with exact numbers: decimals as Decimal, whole numbers of any length."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number.")


def read_decimal(text: str) -> Decimal:
    """The Decimal that JSON writes with a point or an exponent. Raises ValueError for an exponent that is too large."""
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent of nineteen digits; the errors of JSON are ValueErrors, this is none
        raise ValueError(f"the number {text[:40]} is too large to be read") from None


class ExactDecoder(json.JSONDecoder):
    """Reads decimals as Decimal and refuses NaN and Infinity, which are no JSON."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": read_decimal, "parse_constant": _no_number})


_decoder = ExactDecoder()


def read(raw: bytes) -> Any:
    """The value of UTF-8 JSON. Raises ValueError, or RecursionError for a value that is nested too deeply."""
    return _decoder.decode(raw.decode())


class ExactEncoder(json.JSONEncoder):
    """Writes a Decimal with all its digits. It is a class because Django's JSONField takes one."""

    def encode(self, o: Any) -> str:
        return _encoder.encode(o).decode()
