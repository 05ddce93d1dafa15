"""Small values of the details that both formats share; docs/reference/bank-details.md is their vocabulary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Details = dict[str, Any]
"""Keys of the vocabulary with JSON values. An empty value has no key."""

_SWIFT_MONEY = re.compile(r"([A-Z]{3})([0-9]{1,15}(?:,[0-9]{0,5})?)")
_SWIFT_RATE = re.compile(r"[0-9]{1,12}(?:,[0-9]{0,12})?")
_PLAIN = re.compile(r"[0-9]{1,18}(?:\.[0-9]{0,10})?")


def without_empty(values: Mapping[str, Any]) -> Details:
    """The values that are not empty."""
    return {key: value for key, value in values.items() if value}


def swift_money(text: str) -> dict[str, str]:
    """Amount and currency of `USD2853,12`, unsigned; {} if the text is not money."""
    match = _SWIFT_MONEY.fullmatch(text.strip("/ "))
    return money(match[2].replace(",", "."), match[1]) if match else {}


def swift_rate(text: str) -> str:
    """`0,9` as '0.9'; '' if the text is not a rate."""
    bare = text.strip("/ ")
    return plain(bare.replace(",", ".")) if _SWIFT_RATE.fullmatch(bare) else ""


def money(amount: str, currency: str) -> dict[str, str]:
    """Amount and currency as texts, exact; {} if the amount is no number."""
    number = plain(amount)
    return {"amount": number, "currency": currency} if number else {}


def plain(number: str) -> str:
    """The number with a point that has digits on both sides, zeros at its end included; '' if it is no number."""
    return format(Decimal(number.removesuffix(".")), "f") if _PLAIN.fullmatch(number) else ""
