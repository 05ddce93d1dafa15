"""Names that stand twice in one object of JSON, as `{"id": 1, "id": 2}`: decoders keep the last value and say nothing.

To look for them costs more than decoding: 7 µs for a KB. Sources that read very many records leave it out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from ingestion.core.context import Context
from ingestion.core.errors import FieldError, RecordError
from ingestion.core.text import storable

_SHOWN = 10
_LONGEST = 500
_MARK = b"\xef\xbb\xbf"
_ESCAPED_COLONS = (b"\\u003a", b"\\u003A")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class _Pairs(list[tuple[str, Any]]):
    """An object with every name that was written."""


def doubled(body: bytes) -> tuple[FieldError, ...]:
    """An error for each name that stands more than once in an object of `body`, at most 10; none if it is no JSON."""
    if _is_sound(body):
        return ()
    try:
        value = json.loads(
            body.removeprefix(_MARK).decode("utf-8", "surrogateescape"),
            object_pairs_hook=_Pairs, parse_int=str, parse_float=str,
        )  # fmt: skip
    except (ValueError, RecursionError):
        return ()
    return tuple(islice(_walk(value), _SHOWN))


def doubled_error(body: bytes) -> RecordError | None:
    """The error of JSON in an object of which a name stands twice, which names it; None where there is none."""
    if not (faults := doubled(body)):
        return None
    names = ", ".join(fault.path for fault in faults)
    return RecordError(f"{names}: {faults[0].message}", errors=faults)


def names_stand_once(body: bytes, ctx: Context) -> bytes:
    """A pipeline's `reader` for sources that do not look: raises RecordError for a name that stands twice."""
    if error := doubled_error(body):
        raise error
    return body


def _is_sound(body: bytes) -> bool:
    """Whether no name can stand twice: decoding and encoding the body again keeps its number of colons.

    A doubled name takes its own colon with it, and a text keeps its colons. Only one that is written as an escape
    comes back as one more, and could stand in for the lost one.
    """
    if any(sign in body for sign in _ESCAPED_COLONS):
        return False
    try:
        return body.count(b":") == _encode(_decode(body)).count(b":")
    except (ValueError, OverflowError, RecursionError):  # msgspec's own and UnicodeDecodeError are ValueErrors
        return False


def _walk(value: Any) -> Iterator[FieldError]:
    """In the order of the text; without recursion, since objects may lie as deep as the decoder goes."""
    waiting: list[tuple[Any, str]] = [(value, "")]
    while waiting:
        value, path = waiting.pop()
        inner: list[tuple[Any, str]] = []
        if isinstance(value, _Pairs):
            counts = Counter(name for name, _ in value)
            for name in (name for name, count in counts.items() if count > 1):
                yield FieldError(_below(path, name), "doubled", _doubled_message(counts[name]))
            inner = [(part, _below(path, name)) for name, part in value if isinstance(part, list)]
        elif isinstance(value, list):
            inner = [(part, _below(path, str(at))) for at, part in enumerate(value) if isinstance(part, list)]
        waiting += reversed(inner)


def _below(path: str, name: str) -> str:
    return storable(f"{path}.{name}" if path else name, _LONGEST)


def _doubled_message(count: int) -> str:
    times = "twice" if count == 2 else f"{count} times"
    return f"The name stands {times} in one object; nobody can tell which value counts, so have its sender mend that."
