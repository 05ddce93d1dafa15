"""Dates as OFX writes them (OFX 2.1.1, section 3.2.8), and as banks write them instead."""

from __future__ import annotations

import re
from datetime import date

_ZONE = r"\s*\[[^\]]{0,20}\]?|\s*(?:GMT|UTC|Z)"
_DATE = re.compile(rf"([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})(?:[0-9]{{2,6}}(?:\.[0-9]{{1,6}})?)?(?:{_ZONE})?")


def day(text: str) -> date | None:
    """The calendar day of YYYYMMDD[HHMM[SS[.XXX]]][[offset:zone]], as the bank's own clock shows it."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None
