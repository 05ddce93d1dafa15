"""Texts, amounts and dates out of CAMT elements whose tags are local names."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element

# ActiveOrHistoricCurrencyAndAmount: 18 digits, 5 of them decimals, no sign; a few banks write more decimals.
_AMOUNT = re.compile(r"(?=[0-9.]*[0-9])[0-9]{0,18}(?:\.[0-9]{0,8})?")
# ISODate or ISODateTime; the time and the zone are not looked at, a booking day is a day on the bank's clock.
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T[0-9:.,]{2,20})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")


def text(element: Element | None, *paths: str) -> str:
    """The first of these leaves that holds text, white space collapsed; '' if none does or a leaf has children."""
    if element is None:
        return ""
    for path in paths:
        leaf = element.find(path)
        if leaf is not None and len(leaf) == 0 and (value := " ".join((leaf.text or "").split())):
            return value
    return ""


def texts(element: Element, path: str) -> list[str]:
    """Every leaf of this path that holds text, in file order."""
    return [value for leaf in element.iterfind(path) if (value := text(leaf, "."))]


def signed_amount(element: Element) -> tuple[Decimal | None, str]:
    """Amt with the sign of CdtDbtInd, and the text to show for it.

    The indicator is the direction the money moved, also in a reversal: RvslInd only says that the entry undoes one of
    the other direction, so it does not turn the sign round again. Without a known indicator there is no amount, and
    the text says so, so that the bare number is not read as a credit.
    """
    written, indicator = text(element, "Amt"), text(element, "CdtDbtInd")
    if indicator not in ("CRDT", "DBIT"):
        return None, f"{written} {indicator or 'without CdtDbtInd'}".strip()
    if not _AMOUNT.fullmatch(written):
        return None, written
    # Unary minus, unlike a product, makes no negative zero.
    return (Decimal(written) if indicator == "CRDT" else -Decimal(written)), written


def currency(element: Element) -> str:
    amount = element.find("Amt")
    return "" if amount is None else amount.get("Ccy", "").strip().upper()


def day(written: str) -> date | None:
    match = _DATE.fullmatch(written)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
