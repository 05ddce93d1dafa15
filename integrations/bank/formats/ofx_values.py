"""Amounts and dates as OFX writes them (OFX 2.1.1, sections 3.2.8 and 3.2.9), and as banks write them instead."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

_PLAIN = re.compile(r"([+-]?)([0-9]{0,18})(?:[.,]([0-9]{0,8}))?")
# Groups of three are only believed where another separator or a second group proves that they are groups.
_GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?:(?:,[0-9]{3}){1,5}\.[0-9]{1,2}|(?:\.[0-9]{3}){1,5},[0-9]{1,2}|(?:,[0-9]{3}){2,5}|(?:\.[0-9]{3}){2,5})"
)
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{2,6}(?:\.[0-9]{1,6})?)?(?:\s*\[[^\]]{0,20}\]?)?")


def amount(text: str) -> Decimal | None:
    """A signed amount with a point or a comma for the decimals; None for anything else.

    '1,234' and '1.234' are None: the standard reads 1.234, most who write it mean 1234, and money is not for guessing.
    """
    if plain := _PLAIN.fullmatch(text):
        sign, whole, fraction = plain[1], plain[2], plain[3] or ""
        looks_grouped = len(fraction) == 3 and 1 <= len(whole) <= 3 and whole.strip("0") != ""
        if looks_grouped or not (whole or fraction):
            return None
        return Decimal(f"{sign}{whole or 0}.{fraction}" if fraction else f"{sign}{whole}") + 0  # no negative zero
    if _GROUPED.fullmatch(text):
        *whole_parts, last = re.split("[.,]", text)
        separators = set(re.findall("[.,]", text))
        return Decimal("".join(whole_parts) + ("." + last if len(separators) == 2 else last))
    return None


def day(text: str) -> date | None:
    """The calendar day of YYYYMMDD[HHMM[SS[.XXX]]][[offset:zone]], as the bank's own clock shows it."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
