"""Reads and writes JSON with exact numbers: decimals as Decimal, whole numbers of any length."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number.")


class ExactDecoder(json.JSONDecoder):
    """Reads decimals as Decimal and refuses NaN and Infinity, which are no JSON."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal, "parse_constant": _no_number})


_decoder = ExactDecoder()


def read(raw: bytes) -> Any:
    """The value of UTF-8 JSON. Raises ValueError, or RecursionError for a value that is nested too deeply."""
    return _decoder.decode(raw.decode())


class ExactEncoder(json.JSONEncoder):
    """Writes a Decimal with all its digits. It is a class because Django's JSONField takes one."""

    def encode(self, o: Any) -> str:
        return _encoder.encode(o).decode()
