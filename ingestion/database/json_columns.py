"""Converts JSON into its column, as every database takes it: complete, with finite numbers, and not nested too deep."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.core.text import storable
from ingestion.database.column_limits import json_levels
from ingestion.database.nul import NUL_REFUSED
from ingestion.database.unfit import ColumnFault, refuse_non_values

_ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON writes it; after an odd number of backslashes it is a text that mentions NUL."""
_SHOWN = 200
"""Characters of a path that are shown."""


def document(field: models.JSONField[Any, Any], connection: BaseDatabaseWrapper, nul: str) -> Callable[[Any], Any]:
    """The adapter of a JSONField. The field's own encoder runs here, so that a value it refuses is its record's fault.

    The same holds for JSON that no database takes: NaN, Infinity, and half a surrogate pair.
    """
    levels = json_levels(connection)

    def adapt(value: Any) -> Any:
        if not isinstance(value, models.Value):  # which is how Django writes JSON's own null
            refuse_non_values(value)
        wrapped = field.get_db_prep_save(value, connection)
        dumps = getattr(wrapped, "dumps", None)
        text = wrapped if dumps is None else dumps(wrapped.obj)
        return checked_json(text, nul, levels) if isinstance(text, str) else text

    return adapt


def checked_json(text: str, nul: str, levels: int) -> str:
    """JSON that the database takes. Raises one of CONVERSION_ERRORS."""
    if nul and "\\u0000" in text and _ESCAPED_NUL.search(text):
        if nul != "replace":
            _require_texts(json.loads(text), "", _require_no_nul)
        text = _ESCAPED_NUL.sub(r"\1\\ufffd", text)
    if "\\ud" in text.lower():
        _require_texts(json.loads(text), "", _require_encodable)
    if ("NaN" in text or "Infinity" in text) and _has_infinite_number(text):
        raise ColumnFault("not_finite", "JSON has no NaN and no Infinity.")
    if may_be_deep(text, levels):
        _require_flat(json.loads(text), levels, [])
    return text


def may_be_deep(text: str, levels: int) -> bool:
    """Whether the JSON could have more levels than that: each has a bracket to open and one to close."""
    return len(text) > 2 * levels and text.count("[") + text.count("{") > levels


def _require_texts(value: Any, path: str, require: Callable[[str, str], None]) -> None:
    """Call `require(text, path)` for every text in the document, names of members included."""
    if isinstance(value, dict):
        for name, inner in value.items():
            at = f"{path}.{name}" if path else name
            require(name, at)
            _require_texts(inner, at, require)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _require_texts(inner, f"{path}.{index}" if path else str(index), require)
    elif isinstance(value, str):
        require(value, path)


def _require_no_nul(text: str, path: str) -> None:
    if "\0" in text:
        raise ColumnFault("nul", NUL_REFUSED, storable(path, _SHOWN))


def _require_encodable(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        message = "The text holds half of a surrogate pair and cannot be stored."
        raise ColumnFault("unicode", message, storable(path, _SHOWN)) from None


def _require_flat(value: Any, levels: int, path: list[str]) -> None:
    """Raise ColumnFault, with the path, for a document that has more than `levels` levels."""
    if not isinstance(value, dict | list):
        return
    if len(path) >= levels:
        message = f"The JSON is nested more than {levels} levels deep, which this database refuses."
        raise ColumnFault("depth", message, storable(".".join(path), _SHOWN))
    for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
        _require_flat(inner, levels, [*path, str(name)])


def _has_infinite_number(text: str) -> bool:
    """Whether the JSON text has NaN or Infinity as a number."""
    constants: list[str] = []
    json.loads(text, parse_constant=constants.append)
    return bool(constants)
