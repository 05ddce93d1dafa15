"""Days in QIF: three numbers in an order that the file does not name, and years with an apostrophe for the 2000s."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ingestion import AmbiguousFormat
from integrations.bank.layouts.dates import parse_date

ORDERS = ("dmy", "mdy", "ymd")
_DAY = re.compile(r"\s*([0-9]{1,4})\s*[/.\-]\s*([0-9]{1,2})\s*([/.\-'])\s*([0-9]{1,4})\s*")
_WITH_MONTH_NAMES = ("%-d %b %Y", "%-d-%b-%Y", "%-d-%b-%y", "%-d %b %y", "%b %-d, %Y")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")


@dataclass(frozen=True, slots=True)
class QifDates:
    order: str

    @classmethod
    def find(cls, configured: str, texts: Sequence[str]) -> QifDates:
        """The configured order, else the only one in which most of the texts are days. Raises AmbiguousFormat."""
        if configured:
            return cls(configured)
        different = set(texts)
        days = {order: [cls(order).day(text) for text in different] for order in ORDERS}
        most = max(len(parsed) - parsed.count(None) for parsed in days.values())
        best = [order for order in ORDERS if len(days[order]) - days[order].count(None) == most]
        if any(days[order] != days[best[0]] for order in best):
            raise AmbiguousFormat(
                f"The days of the QIF file can be read as {' or '.join(best)}, and nothing in it says which. Name the "
                "order in the connection (--config dates=mdy for month first, dmy for day first)."
            )
        return cls(best[0])

    def day(self, text: str) -> date | None:
        """The day; None for a text that is no day in this order. Two digits are 1969 to 2068, behind an apostrophe 2000
        to 2099.
        """
        if any(letter.isalpha() for letter in text):
            return parse_date(text, _WITH_MONTH_NAMES)
        if compact := _COMPACT.fullmatch(text):
            return _date(*map(int, compact.groups()))
        match = _DAY.fullmatch(text)
        if match is None:
            return None
        first, second, mark, third = match.groups()
        parts = dict(zip(self.order, (first, second, third), strict=True))
        if self.order == "ymd" and len(first) < 4:  # 25/06/26 is of June in every program that writes QIF
            return None
        year = _year(parts["y"], mark == "'")
        return _date(year, int(parts["m"]), int(parts["d"])) if year else None


def _year(text: str, apostrophe: bool) -> int:
    """The year; 0 for three digits, and for a digit without an apostrophe, which may be half of a year."""
    if len(text) == 4:
        return int(text)
    if len(text) > 2 or (len(text) == 1 and not apostrophe):
        return 0
    return int(text) + (2000 if apostrophe or int(text) < 69 else 1900)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
