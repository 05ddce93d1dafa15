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


def why_no_json(value: object) -> str:
    """Where a text that begins like an object stops being JSON, as a sentence; '' for everything else.

    Nothing of the text is said. What is JSON inside quotation marks is told so.
    """
    if not (isinstance(value, str) and value.lstrip().startswith("{")):
        return ""
    try:
        json.loads(value)
    except json.JSONDecodeError as error:
        return f"It is text that is no JSON: {error.msg}, at character {error.pos + 1} of {len(value)}."
    except (ValueError, RecursionError):
        return "It is text that is no JSON."
    return "It is an object as text: give it without the quotation marks around it."
