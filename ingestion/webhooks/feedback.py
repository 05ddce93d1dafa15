"""What a sender is told of its records with the answer: what their form and the schema already say against them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ingestion.core import stages
from ingestion.core.errors import FieldError, RecordError
from ingestion.core.pipeline import Pipeline
from ingestion.core.records import Record

Tells = Callable[[Pipeline, bytes], Mapping[str, Any]]
"""From a proved body to what its sender is told beside that it was stored; {} where nothing speaks against it."""
NAMED = 100
"""Rejected items that one answer names; the others are counted."""
_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a body: a record, or the error that kept it from becoming one."""

    index: int | None
    """Its place in the body, from 0 on; None for the body as a whole."""
    record: Record | RecordError


def rejections(pipeline: Pipeline, items: Iterable[Item]) -> dict[str, Any]:
    """How many of `items` will be rejected, and each with its index, error class and message; {} when none will.

    The transform and the database judge later: an item that is not named may still be rejected.
    """
    named: list[dict[str, Any]] = []
    total = count = 0
    for item in items:
        total += 1
        fault = _fault(pipeline, item.record)
        if fault is None:
            continue
        count += 1
        if count <= NAMED:
            name, errors = fault
            texts = (
                f"{error.path}: {error.message}" if error.path else error.message for error in islice(errors, _ERRORS)
            )
            named.append({"index": item.index, "class": name, "message": "; ".join(texts)})
    return {"items": total, "rejected": count, "rejections": named} if count else {}


def _fault(pipeline: Pipeline, record: Record | RecordError) -> tuple[str, tuple[FieldError, ...]] | None:
    if isinstance(record, RecordError):
        return type(record).__name__, record.errors
    rejected = stages.invalid(pipeline, record)
    return None if rejected is None else (rejected.error_class, rejected.errors)
