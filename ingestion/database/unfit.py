"""`ColumnFault`, the refusal of a value that does not fit its column, and which errors are about the value."""

from __future__ import annotations

from decimal import InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from ingestion.core.text import error_text
from ingestion.core.user_errors import UNFORESEEN

CONVERSION_ERRORS = (*UNFORESEEN, ValidationError)
"""What converting one value may raise because of that value: also the code of a custom field that did not expect it."""


class ColumnFault(ValueError):
    """This value does not fit its column: `code` is stable, the text is for people, `path` leads on inside it."""

    def __init__(self, code: str, message: str, path: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.path = path


def explain(error: Exception) -> tuple[str, str]:
    """Code and message of one of CONVERSION_ERRORS."""
    match error:
        case ColumnFault():
            return error.code, str(error)
        case ValidationError():
            return "invalid", "; ".join(error.messages)
        case InvalidOperation():
            return "decimal", "This is not a decimal number."
        case UnicodeEncodeError():
            return "unicode", "The text holds half of a surrogate pair and cannot be stored."
        case RecursionError():
            return "depth", "The value is nested too deeply."
        case _:
            return type(error).__name__, error_text(error)


def refuse_non_values(value: Any) -> None:
    """Raise ColumnFault for SQL expressions and rows of other tables, which are no values."""
    if isinstance(value, models.Model):
        raise ColumnFault("row", f"A row of {type(value).__name__} is no value; give the value of one of its columns.")
    if hasattr(value, "resolve_expression") or hasattr(value, "as_sql"):
        raise ColumnFault("expression", f"{type(value).__name__}(…) is an SQL expression; the loader takes values.")


def refuse_booleans(value: Any, expected: str) -> None:
    """Raise ColumnFault for True and False, which Python converts to 1, 0 and texts."""
    if isinstance(value, bool):
        raise ColumnFault("boolean", f"{value} is a truth value and no {expected}; say in the transform what it means.")
