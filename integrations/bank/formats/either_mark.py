"""Amounts of formats that do not say whether a point or a comma marks the decimals (OFX, QIF)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from integrations.bank.money import UnknownCurrencyError, exponent

_PLAIN = re.compile(r"([+-]?)([0-9]{0,18})(?:[.,]([0-9]{0,8}))?")
# Groups of three are only believed where another separator or a second group proves that they are groups.
_GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3}){1,5}\.[0-9]{1,4}|(?:\.[0-9]{3}){1,5},[0-9]{1,4}|(?:,[0-9]{3}){2,5}|(?:\.[0-9]{3}){2,5})"
)

# Apostrophes and spaces mark no decimals anywhere; the decimals behind them show that this is one number.
_PARTED = re.compile("([+-]?[0-9]{1,3}(?:['\u2019 \u00a0\u202f][0-9]{3}){1,5})([.,][0-9]{1,2})")


def find_mark(texts: Iterable[str]) -> str:
    """The decimal mark of a file, if one of its amounts shows it and none shows another; else ''.

    An amount shows it if one, two, four or more digits follow the mark, or if it follows another separator: 12.50,
    1,234.567.
    """
    marks = set[str]()
    for text in texts:
        plain, separators = _PLAIN.fullmatch(text), re.findall("[.,]", text)
        if (plain and plain[3] and len(plain[3]) != 3) or (_GROUPED.fullmatch(text) and len(set(separators)) == 2):
            marks.add(separators[-1])
    return marks.pop() if len(marks) == 1 else ""


def parse_either(text: str, currency: str = "", mark: str = "") -> Decimal | None:
    """A signed amount with a point or a comma for the decimals; None for any other text. `mark` is the file's.

    '1,234' and '1.234' are read only if the currency's decimals (ISO 4217) leave one reading: in dinars with three
    decimals, or in yen, which have none. Otherwise the result is None: the standard reads 1.234, most writers mean
    1234, and a guess could move money.
    """
    if separated := _PARTED.fullmatch(text):
        text = re.sub("[^0-9+-]", "", separated[1]) + separated[2]
    if plain := _PLAIN.fullmatch(text):
        sign, whole, fraction = plain[1], plain[2], plain[3] or ""
        if not (whole or fraction):
            return None
        if len(fraction) == 3 and 1 <= len(whole) <= 3 and whole.strip("0"):
            if mark:
                return Decimal(f"{sign}{whole}.{fraction}" if mark in text else f"{sign}{whole}{fraction}")
            return _choose_by_currency(sign, whole, fraction, currency)
        return Decimal(f"{sign}{whole or 0}.{fraction}" if fraction else f"{sign}{whole}") + 0  # no negative zero
    if _GROUPED.fullmatch(text):
        *whole_parts, last = re.split("[.,]", text)
        separators = set(re.findall("[.,]", text))
        return Decimal("".join(whole_parts) + ("." + last if len(separators) == 2 else last))
    return None


def _choose_by_currency(sign: str, whole: str, fraction: str, currency: str) -> Decimal | None:
    try:
        decimals = exponent(currency)
    except UnknownCurrencyError:
        return None
    if decimals >= len(fraction):
        return Decimal(f"{sign}{whole}.{fraction}")
    # Twelve yen may well be written 12.000.
    return Decimal(f"{sign}{whole}{fraction}") if not decimals and fraction.strip("0") else None
