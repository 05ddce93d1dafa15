"""JSON objects become records: each with its key, or refused with a reason that names what is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ingestion.core.duplicate_names import doubled_error
from ingestion.core.errors import ConfigurationError, FieldError, RecordError
from ingestion.core.half_characters import halves
from ingestion.core.keys import member_at, readable_key
from ingestion.core.records import Json, Page, Record, Refusal

UNREADABLE = (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError)


def json_page(bodies: Iterable[tuple[bytes, str]], key: str = "id", checkpoint: Json = None) -> Page:
    """A page of JSON objects, given as (bytes, position); without a usable `key`, or with a name twice, refusals."""
    key_of = key_reader(key)
    records: list[Record] = []
    refused: list[Refusal] = []
    for body, position in bodies:
        if error := doubled_error(body):  # known by its key where that is written once, or is the same each time
            refused.append(Refusal(Record(readable_key(body, key) if key else "", body, position), error))
        else:
            take(body, key_of, position, records, refused, key)
    return Page(records, checkpoint, refused)


def take(
    body: bytes,
    key_of: Callable[[bytes], str],
    position: str,
    records: list[Record],
    refused: list[Refusal],
    key: str = "",
) -> None:
    """Add `body` to `records`, or to `refused` when it is no JSON object with a key.

    With the name of its `key` a refused record keeps the key that can be read all the same, so that its dead letter
    closes when a mended version arrives; the reason then names the member that is wrong.
    """
    try:
        records.append(Record(key_of(body), body, position))
    except UNREADABLE as error:
        readable = readable_key(body, key) if key else ""
        if faults := halves(body):
            text = ", ".join(dict.fromkeys(fault.path for fault in faults)) + f": {faults[0].message}"
            refused.append(Refusal(Record(readable, body, position), RecordError(text, errors=faults)))
            return
        at = _OFFSET.search(str(error))
        path = member_at(body, int(at.group(1))) if at else ""
        text = f"Not a JSON object with a usable key: {error}" if not readable else f"Not valid JSON: {error}"
        refused.append(
            Refusal(Record(readable, body, position), RecordError(text, errors=(FieldError(path, "json", text),)))
        )


_OFFSET = re.compile(r"\(byte (\d+)\)")


def key_reader(key: str) -> Callable[[bytes], str]:
    """A function from a JSON object's bytes to its key as text; '' when `key` is '' (the source has no ids)."""
    if key == "":
        return lambda body: ""
    decode = msgspec.json.Decoder(keyed(key)).decode

    def read(body: bytes) -> str:
        name = str(decode(body).key)
        if not name:
            raise msgspec.ValidationError(f"it is empty - at `$.{key}`")  # all of them would be one record
        return name

    return read


def keyed(key: Any) -> Any:
    """The type of a record of which only the key is looked at."""
    if not isinstance(key, str) or not key.isidentifier():
        raise ConfigurationError(f"{key!r} cannot name a record's key; use one top-level field of the record.")
    return msgspec.defstruct("Keyed", [("key", str | int)], rename={"key": key})
