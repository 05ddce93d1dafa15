"""A value of a config as people type it: JSON, or text."""

from __future__ import annotations

import json
from typing import Any

from ingestion.core.duplicate_names import doubled_error
from ingestion.core.errors import ConfigurationError


def json_or_text(text: str) -> Any:
    """The JSON that `text` is, else the text. Raises ConfigurationError for JSON in which a name stands twice.

    A number counts only where every store of JSON gives it back as it is written: 12345678E2 and 1.50 are text, since
    they may be the number of an account, and so is a whole number of more than 15 digits.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(value, dict | list) and (error := doubled_error(text.encode("utf-8", "surrogatepass"))):
        raise ConfigurationError(str(error))
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_kept = str(value) == text and "e" not in text and abs(value) < 10**15
        return value if is_kept else text
    return value
