"""A value of a config as people type it: JSON, or text."""

from __future__ import annotations

import json
from typing import Any


def json_or_text(text: str) -> Any:
    """The JSON that `text` is, else the text.

    A number counts only where every store of JSON gives it back as it is written: 12345678E2 and 1.50 are text, since
    they may be the number of an account, and so is a whole number of more than 15 digits.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_kept = str(value) == text and "e" not in text and abs(value) < 10**15
        return value if is_kept else text
    return value
