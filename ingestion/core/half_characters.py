"""Where a JSON object holds half of a surrogate pair: the decoder says only that its data was truncated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from ingestion.core.errors import FieldError
from ingestion.core.text import storable

_SHOWN = 10
_DEPTH = 100
_LONGEST = 500


def halves(body: bytes) -> tuple[FieldError, ...]:
    """An error for each member of `body` whose name or text holds half a pair, at most 10; none where it is no JSON."""
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return ()
    return tuple(islice(_walk(value, "", _DEPTH), _SHOWN))


def _walk(value: Any, path: str, depth: int) -> Iterator[FieldError]:
    if isinstance(value, str) and _is_half(value):
        yield _fault(path, "text")
    elif isinstance(value, dict | list) and depth:
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            at = storable(f"{path}.{name}" if path else str(name), _LONGEST)
            if _is_half(str(name)):
                yield _fault(at, "name")
            yield from _walk(inner, at, depth - 1)


def _fault(path: str, part: str) -> FieldError:
    return FieldError(path, "not_text", f"The {part} holds half a character (a surrogate without its other half).")


def _is_half(text: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in text)
