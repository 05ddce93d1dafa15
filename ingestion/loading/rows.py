"""The rows that transforms return, as fields and values: instances of the model, or mappings of its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from difflib import get_close_matches
from typing import Any

from django.db import models

from ingestion.core import user_errors
from ingestion.core.errors import FieldError
from ingestion.core.records import Ready, Rejected, Stage

_INSTANCE_ATTRIBUTES = frozenset({"_state"})
"""Attributes of a model instance that are no fields."""


def fields_of(
    model: type[models.Model], names: Set[str], rows: Sequence[Ready], rejected: list[Rejected]
) -> tuple[Sequence[Ready], list[Mapping[str, Any]]]:
    """The rows with their fields; a row that is neither an instance nor a mapping of `names` is rejected."""
    fields = [_fields(model, row.row) for row in rows]
    usable = [values for values in fields if values is not None]
    if len(usable) == len(rows) and set().union(*usable) - names <= _INSTANCE_ATTRIBUTES:
        return rows, usable
    expected = TypeError(f"a {model.__name__} or a mapping of its fields is wanted")
    kept_rows: list[Ready] = []
    kept_fields: list[Mapping[str, Any]] = []
    for row, values in zip(rows, fields, strict=True):
        if values is None:
            rejected.append(user_errors.no_row(row.record, row.row, expected))
        elif values is row.row and not names >= set(values):  # an instance may have attributes beside its fields
            unknown_fields = tuple(_unknown_field(model, names, name) for name in values if name not in names)
            rejected.append(Rejected(row.record, Stage.TRANSFORM, "ColumnFault", unknown_fields))
        else:
            kept_rows.append(row)
            kept_fields.append(values)
    return kept_rows, kept_fields


def _fields(model: type[models.Model], row: Any) -> Mapping[str, Any] | None:
    if type(row) is dict:
        return row
    if isinstance(row, model):
        return row.__dict__
    return row if isinstance(row, Mapping) else None


def _unknown_field(model: type[models.Model], names: Set[str], name: Any) -> FieldError:
    """The error of a member that is no field: its value would be lost silently."""
    near = get_close_matches(str(name), sorted(names), 1)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(names))}."
    return FieldError(str(name), "unknown_field", f"{model.__name__} has no field {name!r}; {hint}")
