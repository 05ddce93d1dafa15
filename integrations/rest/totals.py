"""How many records the source says there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.rest.declaration import Declaration
from integrations.rest.paths import MISSING, look


def total_of(declared: Declaration, headers: Mapping[str, str], body: bytes, around: bytes) -> tuple[int | None, str]:
    """The page's total where one is declared; otherwise None, and why there is none to compare with."""
    if not declared.total and not declared.total_header:
        return None, ""
    place = declared.total or f"the header {declared.total_header}"
    if declared.total_header:
        value: Any = headers.get(declared.total_header.lower(), headers.get(declared.total_header, MISSING))
    else:
        value = look(around, declared.total) if around else MISSING
        value = look(body, declared.total) if value is MISSING else value
    if value is MISSING or value is None:
        return None, f"the source states no total at {place}"
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or len(text) >= 16:
        return None, f"what stands at {place} is no number of records"
    return int(text), ""
