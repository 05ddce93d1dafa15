"""Lengths of time as people write them: 90s, 15m, 6h, 1d, 2w, 1h30m."""

from __future__ import annotations

import re
from datetime import timedelta

from ingestion.core.errors import ConfigurationError

_UNITS = {"w": timedelta(weeks=1), "d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1),
          "s": timedelta(seconds=1)}  # fmt: skip
_SPAN = re.compile(r"(?:[0-9]{1,5}[wdhms])+", re.ASCII)


def parse_span(text: str) -> timedelta:
    """The length of time that `text` names. Raises ConfigurationError with examples."""
    if not _SPAN.fullmatch(text):
        raise ConfigurationError(f"{text!r} is not a length of time; write for example 90s, 15m, 6h, 1d or 1h30m.")
    parts = re.findall(r"([0-9]+)([wdhms])", text)
    return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())


def span_text(span: timedelta) -> str:
    """`span` in the largest units that fit, to the second: 5400 s is "1h30m". `parse_span` reads it back."""
    seconds, parts = int(span.total_seconds()), []
    for unit, length in _UNITS.items():
        if unit == "w" and seconds % int(length.total_seconds()):
            continue  # ten days are easier to read as 10d than as 1w3d
        count, seconds = divmod(seconds, int(length.total_seconds()))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
