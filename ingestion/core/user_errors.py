"""What a user's validator, reader or transform raises on a record it did not foresee, and the reject it becomes.

A table, closed by default: a lost connection, a full disk or RQ's timeout is not the record's fault and must not bury
it in the dead letters. The core knows no framework: whoever calls the stages may blame the record for more.
"""

from __future__ import annotations

import csv
import inspect
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from ingestion.core.errors import FieldError
from ingestion.core.records import Record, Rejected, Stage
from ingestion.core.text import error_text

UNFORESEEN = (
    ArithmeticError, AssertionError, AttributeError, BufferError, LookupError, NotImplementedError, RecursionError,
    StopAsyncIteration, StopIteration, SyntaxError, TypeError, ValueError,
    csv.Error, re.error, struct.error, zlib.error,
)  # fmt: skip
"""What plain Python code raises on data that it did not foresee."""
_MAX_ERRORS = 50


def is_of_record(error: Exception) -> bool:
    """Whether `error` is one that unforeseen data raises, and no other fault."""
    return isinstance(error, UNFORESEEN)


def rejected(record: Record, stage: Stage, error: Exception) -> Rejected:
    """Reject `record` for `error`, with a reason for each field where the error names fields."""
    name = type(error).__name__
    return Rejected(record, stage, name, _by_field(error, name) or (FieldError("", name, error_text(error)),))


def _by_field(error: Exception, code: str) -> tuple[FieldError, ...]:
    """The reasons of an error that keeps lists of messages by field, as web frameworks' validation errors do."""
    try:
        named = getattr(error, "message_dict", None)
        if not isinstance(named, Mapping):
            return ()
        reasons = [FieldError(str(path), code, str(text)) for path, texts in named.items() for text in texts]
    except Exception:  # noqa: BLE001  somebody's own class; the error's text is left
        return ()
    return tuple(reasons[:_MAX_ERRORS])


def no_row(record: Record, row: Any, error: Exception | None = None) -> Rejected:
    """Reject `record`, whose transform returned no row: nothing, another type, or a coroutine never awaited."""
    if inspect.iscoroutine(row):
        row.close()  # or Python warns that it was never awaited
    kind = "None" if row is None else f"a {type(row).__name__}"
    why = f" ({error_text(error)})" if error is not None and row is not None else ""
    text = f"The transform returned {kind}, which is no row{why}; return a row, or raise Skip(reason) to leave it out."
    return Rejected(record, Stage.TRANSFORM, "NoRow", (FieldError("", "no_row", text),))


def note(error: Exception, record: Record, stage: Stage) -> None:
    """Name the record and stage in the traceback of an error that is not the record's fault."""
    error.add_note(f"While record {record.key!r} ({record.position or 'no position'}) was at the stage {stage}.")
