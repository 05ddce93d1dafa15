"""JSON whose numbers stay what they were: decimals as Decimal, whole numbers of any length."""

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
    """The value of UTF-8 JSON. Raises ValueError, or RecursionError for one that is nested too deeply."""
    return _decoder.decode(raw.decode())


class ExactEncoder(json.JSONEncoder):
    """Writes a Decimal as the number it is. For Django's JSONField, which takes a class."""

    def encode(self, o: Any) -> str:
        return _encoder.encode(o).decode()
