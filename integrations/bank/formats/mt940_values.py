"""The values inside MT940 fields: amounts (15d), dates (YYMMDD, MMDD), balances (60a, 62a, 64), floor and totals.

Every pattern is anchored and takes ASCII digits only: a NaN, a `1_0` or full-width digits are never an amount.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from integrations.bank import money
from integrations.bank.statements import Balance

# SWIFT's amount has a decimal comma, always. The point with two decimals is Rabobank's layout of 2003. A sign, or no
# mark at all, is against the rule and leaves it open what is meant (see mt940_readings); leading zeros do not.
_DIGITS = r"0*[0-9]{1,15}(?:,[0-9]{0,4}|\.[0-9]{2}|(?=[NSF][A-Z0-9]{3}|$))"
AMOUNT = rf"[ ]{{0,15}}(?P<sign>[+-])?(?P<amount>{_DIGITS})(?P<trail>[+-])?(?![0-9.,])"

_BALANCE = re.compile(r"(?P<mark>[CD])(?P<on>[0-9]{6})(?P<currency>[A-Z]{3})?" + AMOUNT)
_FLOOR = re.compile(r"(?P<currency>[A-Z]{3})[CD]?[0-9]{1,15}(?:[.,][0-9]{0,4})?")
_TOTAL = re.compile(r"(?P<count>[0-9]{0,5})(?P<currency>[A-Z]{3})" + AMOUNT)


@dataclass(frozen=True, slots=True)
class Total:
    """How many entries of one side an MT942 declares (:90D:, :90C:), and their unsigned sum."""

    count: int
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class AmountReading:
    """What a bank may mean by an amount that is against the rule."""

    turns: bool = False
    """A minus in the amount turns the mark round; otherwise it repeats what the mark says."""
    minor: bool = False
    """An amount without a decimal mark is in minor units (cents), otherwise in major ones."""


AS_WRITTEN = AmountReading()


def signed_amount(match: re.Match[str], currency: str, reading: AmountReading) -> Decimal:
    """The value of what `AMOUNT` matched, negative only if a minus turns the mark round."""
    value = Decimal(match["amount"].replace(",", "."))
    if reading.minor and is_bare(match["amount"]):
        value = value.scaleb(-_exponent(currency))
    return -value if reading.turns and "-" in (match["sign"], match["trail"]) else value


def doubts(match: re.Match[str] | None) -> frozenset[str]:
    """Which members of an `AmountReading` the amount depends on."""
    if match is None:
        return frozenset()
    signed = {"turns"} if match["sign"] or match["trail"] else set()
    return frozenset(signed | ({"minor"} if is_bare(match["amount"]) else set()))


def is_bare(text: str) -> bool:
    return text.isdigit()


def _exponent(currency: str) -> int:
    try:
        return money.exponent(currency)
    except money.UnknownCurrencyError:
        return 2


def balance_doubts(text: str) -> frozenset[str]:
    return doubts(_BALANCE.fullmatch(text.strip()))


def parse_balance(text: str, reading: AmountReading = AS_WRITTEN) -> Balance | None:
    """`C021131EUR4387,95`; the currency is '' if the bank leaves it out. None for a text that is no balance.

    An impossible day (31 November) leaves `on` empty: the amount, which is what counts, is still certain.
    """
    match = _BALANCE.fullmatch(text.strip())
    if match is None:
        return None
    value = signed_amount(match, match["currency"] or "", reading)
    return Balance(value if match["mark"] == "C" else -value, match["currency"] or "", parse_day(match["on"]))


def floor_currency(text: str) -> str:
    """The currency of :34F: (`EURD12345,67`), '' if the text is none."""
    match = _FLOOR.fullmatch(_normalize_amount(text))
    return match["currency"] if match else ""


def _normalize_amount(text: str) -> str:
    """The text without the blank that some banks write after the currency, and with the zero that they leave out:
    `EUR,00`.
    """
    return re.sub(r"([A-Z]{3}),", r"\g<1>0,", text.replace(" ", ""))


def parse_total(text: str) -> Total | None:
    match = _TOTAL.fullmatch(_normalize_amount(text))
    if match is None:
        return None
    return Total(int(match["count"] or 0), match["currency"], signed_amount(match, match["currency"], AS_WRITTEN))


def parse_day(text: str) -> date | None:
    """YYMMDD; None for a day that does not exist. Years 80 to 99 are of the last century."""
    short = int(text[:2])
    return _date(short + (1900 if short >= 80 else 2000), int(text[2:4]), int(text[4:6]))


NO_DAYS = ("0229", "0230")


def interest_day(text: str) -> date | None:
    """29 or 30 February, which banks of 30-day months write for interest, as that year's last day of February."""
    if text[2:] not in NO_DAYS or parse_day(text):
        return None
    return parse_day(f"{text[:2]}0229") or parse_day(f"{text[:2]}0228")


def day_or_interest(text: str) -> date | None:
    return parse_day(text) or interest_day(text)


def nearest_entry_day(text: str, value_text: str) -> date | None:
    """MMDD in the year that brings it nearest to the value date YYMMDD: 1229 beside 140104 is in 2013.

    A value date that does not exist (30 February, usual for interest) still names the year.
    """
    anchor = parse_day(value_text) or parse_day(value_text[:4] + "28")
    if anchor is None:
        return None
    years = (anchor.year - 1, anchor.year, anchor.year + 1)
    days = [day for year in years if (day := day_or_interest(f"{year % 100:02}{text}"))]
    return min(days, key=lambda day: abs(day - anchor), default=None)


def _date(year: int, month: int, day_of_month: int) -> date | None:
    try:
        return date(year, month, day_of_month)
    except ValueError:
        return None
