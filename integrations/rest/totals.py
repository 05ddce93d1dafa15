"""Reads the total of records that the source states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.rest.declaration import Declaration
from integrations.rest.paths import MISSING, value_at


def total_of(
    declaration: Declaration, headers: Mapping[str, str], body: bytes, envelope: bytes
) -> tuple[int | None, str]:
    """The page's total where one is declared and readable; otherwise None, and why it cannot be compared."""
    if not declaration.total and not declaration.total_header:
        return None, ""
    location = declaration.total or f"the header {declaration.total_header}"
    if declaration.total_header:
        value: Any = headers.get(declaration.total_header.lower(), headers.get(declaration.total_header, MISSING))
    else:
        # The envelope is far smaller than the page, so it is decoded first.
        value = value_at(envelope, declaration.total) if envelope else MISSING
        value = value_at(body, declaration.total) if value is MISSING else value
    if value is MISSING or value is None:
        return None, f"the source states no total at {location}"
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or len(text) >= 16:
        return None, f"what stands at {location} is no number of records"
    return int(text), ""
