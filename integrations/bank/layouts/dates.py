"""Dates as CSV exports write them. Not strptime: that follows the process locale and takes non-ASCII digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import cache, lru_cache

_TOKENS = {
    "%d": "(?P<day>[0-9]{2})",
    "%-d": "(?P<day>[0-9]{1,2})",
    "%m": "(?P<month>[0-9]{2})",
    "%-m": "(?P<month>[0-9]{1,2})",
    "%b": r"(?P<name>[^\W\d_]{3,15})\.?",
    "%Y": "(?P<year>[0-9]{4})",
    "%y": "(?P<short>[0-9]{2})",
    "%H": "[0-9]{2}",
    "%M": "[0-9]{2}",
    "%S": "[0-9]{2}(?:[.][0-9]+)?",
    "%z": "(?:Z|[+-][0-9]{2}:?[0-9]{2})",
}
"""What a date format may hold. %b is a month's name, whole or shortened; times are matched and dropped."""
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
MAX_DATE_CHARS = 40


def parse_date(text: str, formats: Sequence[str], months: Sequence[str] = ()) -> date | None:
    """The day by the first format that fits; None when none does or the day does not exist. Years 69-99 are 19xx.

    `months`: twelve names with all their spellings, if they are not English.
    """
    text = unicodedata.normalize("NFC", text.strip()) if months else text.strip()
    if len(text) > MAX_DATE_CHARS:
        return None
    for form in formats:
        match = pattern(form).fullmatch(text)
        if match is not None:
            return _date(match.groupdict(), tuple(months) or _MONTHS)
    return None


def date_order(formats: Sequence[str]) -> str:
    """'dmy', 'mdy' or 'ymd' if all the formats agree, else ''."""
    letters = {"d": "d", "m": "m", "b": "m", "Y": "y", "y": "y"}
    orders = {"".join(letters.get(token, "") for token in re.findall(r"%-?(.)", form)) for form in formats}
    return orders.pop() if len(orders) == 1 else ""


@cache
def pattern(form: str) -> re.Pattern[str]:
    """The format as a regex. Raises ValueError for a token that is not in the table or a missing day, month or year."""
    built = ""
    for part in re.findall(r"%-?.|[^%]+|%", form):
        if part.startswith("%") and part not in _TOKENS:
            raise ValueError(f"{part!r} is not one of {', '.join(_TOKENS)}")
        built += _TOKENS.get(part, re.escape(part))
    regex = re.compile(built)
    if "day" not in regex.groupindex or not {"month", "name"} & set(regex.groupindex):
        raise ValueError("a date format needs a day and a month")
    if not {"year", "short"} & set(regex.groupindex):
        raise ValueError("a date format needs a year")
    return regex


def _date(parts: dict[str, str], months: tuple[str, ...]) -> date | None:
    year = int(parts["year"]) if "year" in parts else _century(int(parts["short"]))
    month = int(parts["month"]) if "month" in parts else _month(parts["name"], months)
    try:
        return date(year, month, int(parts["day"]))
    except ValueError:
        return None


def _century(short: int) -> int:
    return short + (1900 if short >= 69 else 2000)


@lru_cache(maxsize=1024)
def _month(name: str, months: tuple[str, ...]) -> int:
    """0, which no calendar has, for a word that is no month, or begins several and is none of them."""
    word = unicodedata.normalize("NFC", name).casefold()
    spellings = [(unicodedata.normalize("NFC", names).casefold().split(), n) for n, names in enumerate(months, 1)]
    exact_months = {n for names, n in spellings if word in names}
    matching_months = {n for names, n in spellings if any(spelling.startswith(word) for spelling in names)}
    return next(iter(exact_months or (matching_months if len(matching_months) == 1 else ())), 0)
